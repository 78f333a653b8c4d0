/**
 * Trace chunks that the disk shows further on than a journal's history does: without syncs a power cut takes notes of
 * renames that the disk has kept. What was current at the last mark is moved back; what came after it is put beside the
 * session's directory, since the edge brings it once more. The disk is asked whatever `--sync` says now: the relay that
 * was lost may have had another.
 */
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { withSuffix } from "../../model/Suffix.ts"
import { archivePath, type ChunkName, idOf, nameOf, newChunkPath, oldChunkPath } from "../../model/TraceChunk.ts"
import type { FileFailed, Files } from "../../storage/Files.ts"
import type { ShadowFiles } from "../../storage/ShadowFiles.ts"
import { isOrHoldsFile, isThere, removeEmptyTree } from "../../storage/Walks.ts"

type Real = Files["Service"]

/** The chunk that was current at the mark. */
export interface Current {
  /** The session's directory, absolute. */
  readonly session: string
  /** Relative to it. */
  readonly path: string
  readonly name: ChunkName
  /** The files that were made in it, relative to it: a history that was shortened names those of ended streams here. */
  readonly made: ReadonlyArray<string>
}

/** A directory of a chunk with files that the history does not know; `id` undefined: its name does not tell. */
interface Stray {
  readonly path: string
  readonly id: bigint | undefined
}

const straysOf = (files: Real, shadow: ShadowFiles, session: string): Effect.Effect<ReadonlyArray<Stray>> =>
  Effect.gen(function* () {
    const strays: Array<Stray> = []
    for (const parent of ["", archivePath]) {
      const entries = yield* Effect.orElseSucceed(files.list(join(session, parent)), () => [])
      for (const { name } of entries) {
        const isTemporary = parent === "" && (name === oldChunkPath || name === newChunkPath)
        const id = idOf(name)
        const path = join(parent, name)
        const at = join(session, path)
        const isMeant = (isTemporary || id !== undefined) && !shadow.hasFiles(at)
        if (isMeant && (yield* isOrHoldsFile(files, at))) strays.push({ path, id })
      }
    }
    return strays
  })

/** Undefined: some of its files are where they were. */
const goneOf = (
  files: Real,
  shadow: ShadowFiles,
  own: string,
  made: Current["made"]
): Effect.Effect<"files" | "nothing" | undefined> =>
  Effect.gen(function* () {
    const known = new Set([...shadow.filesIn(own), ...made.map((file) => join(own, file))])
    for (const path of known) if (yield* Effect.isSuccess(files.size(path))) return undefined
    return known.size === 0 ? "nothing" : "files"
  })

const movedBack = (files: Real, from: string, to: string): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    yield* files.makeDirectory(to)
    for (const { name } of yield* files.list(from)) {
      yield* removeEmptyTree(files, join(to, name))
      yield* files.rename(join(from, name), join(to, name))
    }
    yield* files.removeDirectory(from)
  })

const moved = (files: Real, from: string, to: string): Effect.Effect<void, FileFailed> =>
  Effect.andThen(files.makeDirectory(dirname(to)), files.rename(from, to))

const freeBeside = (files: Real, session: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    let number = 1
    while (yield* isThere(files, withSuffix(session, number))) number++
    return withSuffix(session, number)
  })

/** Answers where what came after the mark is now; undefined: there was nothing. */
export const refound = (
  files: Real,
  shadow: ShadowFiles,
  { made, name, path, session }: Current
): Effect.Effect<string | undefined, FileFailed> =>
  Effect.gen(function* () {
    const own = join(session, path)
    const gone = yield* goneOf(files, shadow, own, made)
    if (gone === undefined) return undefined
    // In the session's own directory a chunk gets its name when it is closed: what has it is of an earlier journal.
    const isOther = (stray: Stray) => path === "" && stray.path === nameOf(name)
    const isLater = ({ id }: Stray) => id === undefined || id >= name.id
    const later = (yield* straysOf(files, shadow, session)).filter((stray) => isLater(stray) && !isOther(stray))
    const byName = later.find(({ id }) => id === name.id) ?? later.find((stray) => stray.path === oldChunkPath)
    const same = gone === "files" ? byName : undefined
    const others = later.filter((stray) => stray !== same)
    const beside = others.length === 0 ? undefined : yield* freeBeside(files, session)
    if (beside !== undefined) {
      for (const stray of others) yield* moved(files, join(session, stray.path), join(beside, stray.path))
    }
    if (same !== undefined) yield* movedBack(files, join(session, same.path), own)
    return beside
  })
