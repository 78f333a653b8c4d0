/**
 * Finds out whether somebody has changed the files of a journal's sessions while its edge was away. Later records are
 * written at the offsets where the files ended: they would overwrite what others appended, or leave a hole.
 */
import { Effect } from "effect"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import type { FileLook } from "../../relay/stream/StreamFiles.ts"

type Sessions = ReadonlyArray<SessionActor>

export interface Change {
  /** What it is, for who reads the log. */
  readonly shown: string
  /** What comes can be written behind what is there. */
  readonly isHarmless: boolean
}

/** Without files that two streams write, as when one is announced twice: neither knows how long the file is. */
const looksOf = (sessions: Sessions): Effect.Effect<ReadonlyArray<FileLook>> =>
  Effect.map(
    Effect.forEach(
      sessions.flatMap(({ streams }) => [...streams.values()]),
      ({ fileLooks }) => fileLooks
    ),
    (looks) => {
      const counts = new Map<string, number>()
      for (const { path } of looks.flat()) counts.set(path, (counts.get(path) ?? 0) + 1)
      return looks.flat().filter(({ path }) => counts.get(path) === 1)
    }
  )

const changeOf = ({ byteCount, modifiedMillis, path, writtenBytes }: FileLook, before: number | undefined) => {
  if (byteCount === undefined) return { shown: `${path} is gone`, isHarmless: false }
  if (byteCount !== writtenBytes) {
    return { shown: `${path} has ${byteCount} bytes of ${writtenBytes}`, isHarmless: false }
  }
  if (before === undefined || modifiedMillis === before) return undefined
  return { shown: `${path} was written by others`, isHarmless: true }
}

export class Untouched {
  #before: ReadonlyMap<string, number> = new Map()
  #since: number | undefined

  /**
   * Notes how the files are now. `since`: when the edge went; `isStill` false, once they were looked at: it is back.
   */
  note(sessions: Sessions, since: number | undefined, isStill: () => boolean): Effect.Effect<void> {
    return Effect.map(looksOf(sessions), (looks) => {
      if (!isStill()) return
      this.#before = new Map(looks.map(({ modifiedMillis, path }) => [path, modifiedMillis]))
      this.#since = since
    })
  }

  /**
   * How the files differ from what was noted for this absence (`since`). To be asked before anything more is written.
   */
  changes(sessions: Sessions, since: number): Effect.Effect<ReadonlyArray<Change>> {
    return Effect.suspend(() => {
      const before: ReadonlyMap<string, number> = this.#since === since ? this.#before : new Map()
      return Effect.map(looksOf(sessions), (looks) =>
        looks.flatMap((look) => changeOf(look, before.get(look.path)) ?? [])
      )
    })
  }
}
