/** What was put aside in a spool: the rest of sessions that cannot be forwarded. No edge counts it, or removes it. */
import { Effect } from "effect"
import type { FileFailed, Files } from "../../storage/Files.ts"
import { byteCountOf } from "../../storage/Walks.ts"
import * as About from "../journal/About.ts"
import { nameOf } from "../journal/Segment.ts"

export interface Aside {
  /** HOST/SESSION; absent: that is not known any more. */
  readonly name?: string
  /** Absolute path. */
  readonly directory: string
  /** Of all files in it. */
  readonly byteCount: number
  /** When the session began; absent: that is not known any more. */
  readonly createdMillis?: number
  /** Its first segment is there, so that it can be played from its beginning. */
  readonly isFromBeginning: boolean
}

const one = (files: Files["Service"], directory: string): Effect.Effect<Aside, FileFailed> =>
  Effect.gen(function* () {
    const byteCount = yield* byteCountOf(files, directory)
    const about = yield* About.read(files, directory)
    const isFromBeginning = (yield* files.list(directory)).some(({ name }) => name === nameOf(1))
    const known = about && { name: about.name, createdMillis: about.createdMillis }
    return { ...known, directory, byteCount, isFromBeginning }
  })

/** The oldest first; those that somebody removes meanwhile are left out. */
export const asideIn = (files: Files["Service"], spool: string): Effect.Effect<ReadonlyArray<Aside>> =>
  Effect.gen(function* () {
    const names = (yield* files.list(spool)).map(({ name }) => name).filter(About.isAsideName)
    const found = yield* Effect.forEach(names, (name) => Effect.option(one(files, `${spool}/${name}`)))
    return found
      .flatMap((each) => (each._tag === "Some" ? [each.value] : []))
      .sort((a, b) => (a.createdMillis ?? 0) - (b.createdMillis ?? 0))
  }).pipe(Effect.orElseSucceed(() => []))
