/**
 * Reads a journal's files: what an earlier process left, cutting off what it was just writing; or what has become of
 * files that this process uses. `History` finds the damage.
 */
import { Effect } from "effect"
import { isWhole } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed, Files, OpenFile } from "../../storage/Files.ts"
import { checksums } from "./Checksums.ts"
import { History, type Skipped } from "./History.ts"
import type { Needed } from "./Needed.ts"
import { type Each, walk } from "./Records.ts"
import { date, firstOf, nameOf, reading, type Segment, segmentOf } from "./Segment.ts"
import { draftSuffix, spareSuffix } from "./Segments.ts"

export interface Found {
  readonly segments: ReadonlyArray<Segment>
  readonly last: number
  /** Connections that have not ended. */
  readonly open: ReadonlySet<number>
  readonly isFinished: boolean
  readonly skipped: Skipped
  readonly altered: History["altered"]
  readonly needed: Needed
  /** One line for each place. */
  readonly damage: ReadonlyArray<string>
}

/** Read at a time: other fibers have a turn in between. */
const windowBytes = 2 * 1024 * 1024

interface Extent {
  readonly byteCountMax?: number
  /** It is the newest segment: damage at its end is a write that was cut short, and nobody was answered for that. */
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
    /** Bytes at its beginning that are in the segment before, too: the two were being joined. */
    let joined = 0
    /** Damaged records with nothing whole behind them so far. */
    const doubtful: Array<() => void> = []
    const each: Each = (bytes, at, size, offset) => {
      // Left from an earlier use of the file.
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

/** Size of the files of all segments, which may be longer than their records. */
export const bytesIn = (files: Files["Service"], directory: string): Effect.Effect<number> =>
  Effect.gen(function* () {
    const names = (yield* files.list(directory)).map(({ name }) => name).filter((name) => firstOf(name) !== undefined)
    const sizes = yield* Effect.forEach(names, (name) => files.size(`${directory}/${name}`), { concurrency: 16 })
    return sizes.reduce((sum, size) => sum + size, 0)
  }).pipe(Effect.orElseSucceed(() => 0))

/** `isSynced`: syncs what it finds, since the process that wrote it may have ended before it did. */
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

/** Only the newest can be unsynced: each is synced before the next one begins. */
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
      date(segment)
      segments.push(segment)
      segment.byteCount = yield* scanFile(file, path, history, window, { isLast: name === newest })
      segment.last = history.last
      // The rest of a write that was cut short by the end of the process or of power: nobody was answered for it.
      if ((yield* files.size(path)) > segment.byteCount) yield* file.truncate(segment.byteCount)
    }
    yield* withoutEmpty(files, directory, segments)
    const { altered, damage, isFinished, last, needed, open, skipped } = history
    return { segments, last, open, isFinished, skipped, altered, needed, damage }
  })

/** Without empty segments at the beginning, as power loss leaves them: what they had counts as freed. */
const withoutEmpty = (files: Files["Service"], directory: string, segments: Array<Segment>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let [oldest] = segments; oldest?.byteCount === 0 && segments.length > 1; [oldest] = segments) {
      segments.shift()
      yield* oldest.file.close
      yield* Effect.ignore(files.unlink(`${directory}/${nameOf(oldest.first)}`))
    }
  })

/** Finds the damage in segments that this process writes and reads. */
export const examine = (
  directory: string,
  segments: ReadonlyArray<Segment>
): Effect.Effect<Pick<Found, "skipped" | "altered" | "damage">, FileFailed> =>
  Effect.gen(function* () {
    const history = new History()
    const window = Buffer.allocUnsafeSlow(windowBytes)
    for (const segment of [...segments]) {
      const { byteCount, first } = segment
      history.begins(first, directory)
      yield* reading(segment, (file) =>
        scanFile(file, `${directory}/${nameOf(first)}`, history, window, { byteCountMax: byteCount })
      )
    }
    return history
  })
