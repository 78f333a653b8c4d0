/**
 * Finds out what an earlier process left of a journal, and cuts off what was being written; or what has become of one
 * that goes on. What is damaged is named (`History`).
 */
import { Effect } from "effect"
import { u64At } from "../protocol/Struct.ts"
import type { FileFailed, Files, OpenFile } from "../storage/Files.ts"
import { History, type Skipped } from "./History.ts"
import type { Needed } from "./Needed.ts"
import { type Each, walk } from "./Records.ts"
import { type Segment, segmentOf } from "./Segment.ts"
import { draftSuffix, firstOf, spareSuffix } from "./Segments.ts"

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

const windowBytes = 4 * 1024 * 1024

/** Answers how many bytes of the file are records. */
const scanFile = (
  file: OpenFile,
  path: string,
  history: History,
  window: Buffer,
  byteCountMax = Number.POSITIVE_INFINITY
): Effect.Effect<number, FileFailed> =>
  Effect.suspend(() => {
    let goodUntil = 0
    const each: Each = (bytes, at, size, offset) => {
      // Of what the segment was before.
      if (u64At(bytes, at) <= history.last) return
      if (offset + at > goodUntil) history.damage.push(`${path}: ${offset + at - goodUntil} bytes are no records`)
      history.see(bytes, at, path)
      goodUntil = offset + at + size
    }
    return Effect.map(walk(file, byteCountMax, window, each), () => goodUntil)
  })

export const scan = (files: Files["Service"], directory: string): Effect.Effect<Found, FileFailed> =>
  Effect.gen(function* () {
    const entries = yield* files.list(directory)
    for (const { name } of entries) {
      if (name.endsWith(spareSuffix) || name.endsWith(draftSuffix))
        yield* Effect.ignore(files.unlink(`${directory}/${name}`))
    }
    const names = entries.map(({ name }) => name).filter((name) => firstOf(name) !== undefined)
    const history = new History()
    const window = Buffer.allocUnsafeSlow(windowBytes)
    const segments: Array<Segment> = []
    for (const name of names.sort()) {
      const path = `${directory}/${name}`
      const file = yield* files.open(path, "continue")
      const first = firstOf(name) as number
      // What was before it is gone, and may have been all.
      history.last = Math.max(history.last, first - 1)
      const byteCount = yield* scanFile(file, path, history, window)
      // Of a write that the end of the process or of the power cut short: nobody was answered for it.
      yield* file.truncate(byteCount)
      segments.push(segmentOf(first, path, file, history.last, byteCount))
    }
    const { damage, isFinished, last, needed, open, skipped } = history
    return { segments, last, open, isFinished, skipped, needed, damage }
  })

/** What is damaged in segments that are written and read by this process. */
export const examine = (
  segments: ReadonlyArray<Segment>
): Effect.Effect<Pick<Found, "skipped" | "damage">, FileFailed> =>
  Effect.gen(function* () {
    const history = new History()
    const window = Buffer.allocUnsafeSlow(windowBytes)
    for (const { byteCount, file, first, path } of [...segments]) {
      history.last = Math.max(history.last, first - 1)
      yield* scanFile(file, path, history, window, byteCount)
    }
    return history
  })
