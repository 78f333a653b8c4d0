/**
 * Finds out what an earlier process left of a journal, and cuts off what was being written; or what has become of one
 * that goes on. What is damaged is named (`History`).
 */
import { Effect } from "effect"
import { wallMillis } from "../../Machine.ts"
import { isWhole } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed, Files, OpenFile } from "../../storage/Files.ts"
import { checksums } from "./Checksums.ts"
import { History, type Skipped } from "./History.ts"
import type { Needed } from "./Needed.ts"
import { type Each, walk } from "./Records.ts"
import { firstOf, nameOf, type Segment, segmentOf } from "./Segment.ts"
import { draftSuffix, spareSuffix } from "./Segments.ts"

export interface Found {
  readonly segments: ReadonlyArray<Segment>
  readonly last: number
  /** Connections that had not ended. */
  readonly open: ReadonlySet<number>
  readonly isFinished: boolean
  readonly skipped: Skipped
  readonly needed: Needed
  /** One line each. */
  readonly damage: ReadonlyArray<string>
}

/** A clock that shows an earlier time was not set when it was asked. */
const setMillisMin = Date.UTC(2026)

/** How long ago it was written, as far as can be known. */
const waitedMillis = ({ modifiedMillis = 0 }: OpenFile): number =>
  modifiedMillis < setMillisMin ? 0 : Math.max(0, wallMillis() - modifiedMillis)

/** Others have a turn between two. */
const windowBytes = 2 * 1024 * 1024

interface Extent {
  readonly byteCountMax?: number
  /** What is damaged at its end was cut short as it was written: whoever said it says it again. */
  readonly isLast?: boolean
}

/** Answers how many bytes of the file are records. */
const scanFile = (
  file: OpenFile,
  path: string,
  history: History,
  window: Buffer,
  { byteCountMax = Number.POSITIVE_INFINITY, isLast = false }: Extent = {}
): Effect.Effect<number, FileFailed> =>
  Effect.suspend(() => {
    let goodUntil = 0
    let isReused = false
    /** What lies at the beginning is in the segment before, too: the two were being joined. */
    let joined = 0
    /** Damaged, with nothing whole behind them yet. */
    const doubtful: Array<() => void> = []
    const each: Each = (bytes, at, size, offset) => {
      // Of what the segment was before.
      if (u64At(bytes, at) <= history.last) {
        isReused = true
        if (joined === offset + at) joined += size
        return
      }
      if (isLast && !isWhole(bytes, at, checksums)) {
        const own = Buffer.from(bytes.subarray(at, at + size))
        doubtful.push(() => see(own, 0, size, offset + at))
        return
      }
      for (const seen of doubtful.splice(0)) seen()
      see(bytes, at, size, offset)
    }
    const see: Each = (bytes, at, size, offset) => {
      if (offset + at > Math.max(goodUntil, joined)) {
        history.damage.push(`${path}: ${offset + at - goodUntil} bytes are no records`)
        history.broken()
      }
      history.see(bytes, at, path)
      goodUntil = offset + at + size
    }
    return Effect.map(walk(file, byteCountMax, window, each), (end) => {
      if (end > goodUntil && !isReused) {
        history.damage.push(`${path}: ${end - goodUntil} bytes at its end are no whole records`)
        history.broken()
      }
      return goodUntil
    })
  })

/** Bytes of the segments there, which may be some more than their records. */
export const bytesIn = (files: Files["Service"], directory: string): Effect.Effect<number> =>
  Effect.gen(function* () {
    const names = (yield* files.list(directory)).map(({ name }) => name).filter((name) => firstOf(name) !== undefined)
    const sizes = yield* Effect.forEach(names, (name) => files.size(`${directory}/${name}`), { concurrency: 16 })
    return sizes.reduce((sum, size) => sum + size, 0)
  }).pipe(Effect.orElseSucceed(() => 0))

/** `isSynced`: what is found is on the disk, too. The process that wrote it may have ended before it was. */
export const scan = (
  files: Files["Service"],
  directory: string,
  isSynced = false
): Effect.Effect<Found, FileFailed> => {
  const segments: Array<Segment> = []
  const closed = Effect.suspend(() => Effect.forEach(segments, ({ file }) => file.close, { discard: true }))
  const found = Effect.tap(scanInto(files, directory, segments), () =>
    isSynced ? synced(files, directory, segments) : Effect.void
  )
  return Effect.onError(found, () => closed)
}

/** A segment is begun when the one before is synced. */
const synced = (files: Files["Service"], directory: string, segments: ReadonlyArray<Segment>) =>
  Effect.andThen(segments.at(-1)?.file.sync ?? Effect.void, files.syncDirectory(directory))

const scanInto = (
  files: Files["Service"],
  directory: string,
  segments: Array<Segment>
): Effect.Effect<Found, FileFailed> =>
  Effect.gen(function* () {
    const entries = yield* files.list(directory)
    for (const { name } of entries) {
      if (name.endsWith(spareSuffix) || name.endsWith(draftSuffix))
        yield* Effect.ignore(files.unlink(`${directory}/${name}`))
    }
    const names = entries.map(({ name }) => name).filter((name) => firstOf(name) !== undefined)
    const history = new History()
    const window = Buffer.allocUnsafeSlow(windowBytes)
    const newest = names.sort().at(-1)
    for (const name of names) {
      const path = `${directory}/${name}`
      const file = yield* files.open(path, "continue")
      const first = firstOf(name) as number
      history.begins(first, directory)
      const segment = segmentOf(first, file, first - 1)
      segment.wroteAt -= waitedMillis(file)
      segments.push(segment)
      segment.byteCount = yield* scanFile(file, path, history, window, { isLast: name === newest })
      segment.last = history.last
      // Of a write that the end of the process or of the power cut short: nobody was answered for it.
      if ((yield* files.size(path)) > segment.byteCount) yield* file.truncate(segment.byteCount)
    }
    yield* withoutEmpty(files, directory, segments)
    const { damage, isFinished, last, needed, open, skipped } = history
    return { segments, last, open, isFinished, skipped, needed, damage }
  })

/** A beginning that is gone, as a loss of power leaves it, is like one that was freed: nothing of it can be sent. */
const withoutEmpty = (files: Files["Service"], directory: string, segments: Array<Segment>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let [oldest] = segments; oldest?.byteCount === 0 && segments.length > 1; [oldest] = segments) {
      segments.shift()
      yield* oldest.file.close
      yield* Effect.ignore(files.unlink(`${directory}/${nameOf(oldest.first)}`))
    }
  })

/** What is damaged in segments that are written and read by this process. */
export const examine = (
  directory: string,
  segments: ReadonlyArray<Segment>
): Effect.Effect<Pick<Found, "skipped" | "damage">, FileFailed> =>
  Effect.gen(function* () {
    const history = new History()
    const window = Buffer.allocUnsafeSlow(windowBytes)
    for (const { byteCount, file, first } of [...segments]) {
      history.begins(first, directory)
      yield* scanFile(file, `${directory}/${nameOf(first)}`, history, window, { byteCountMax: byteCount })
    }
    return history
  })
