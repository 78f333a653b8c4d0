/**
 * Whether somebody changes files of a journal's sessions while its edge is away: what comes would be written where they
 * ended, over what is there now, or behind nothing.
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

/** But for those of streams that are announced twice: neither of the two knows how long their file is. */
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

  /** How files are, that are written no more for now: `since` then its edge is away. `isStill` after it is known. */
  note(sessions: Sessions, since: number | undefined, isStill: () => boolean): Effect.Effect<void> {
    return Effect.map(looksOf(sessions), (looks) => {
      if (!isStill()) return
      this.#before = new Map(looks.map(({ modifiedMillis, path }) => [path, modifiedMillis]))
      this.#since = since
    })
  }

  /** What is not as it was left `since`: what was noted when it was away before does not count. Nothing is written. */
  changes(sessions: Sessions, since: number): Effect.Effect<ReadonlyArray<Change>> {
    return Effect.suspend(() => {
      const before: ReadonlyMap<string, number> = this.#since === since ? this.#before : new Map()
      return Effect.map(looksOf(sessions), (looks) =>
        looks.flatMap((look) => changeOf(look, before.get(look.path)) ?? [])
      )
    })
  }
}
