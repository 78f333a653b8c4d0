/**
 * Names and places of a trace chunk through its life (storage.md §4.1, §4.2, streaming.md §6.15, §6.16). Paths are
 * relative to the session directory.
 */
import { chunkTime } from "./Time.ts"

/** Values of the command in `CLOSE_TRACE_CHUNK`. */
export const closeCommand = { moveToCompleted: 0, noOperation: 1, delete: 2 } as const

export const newChunkPath = ".tmp_new_chunk"
export const oldChunkPath = ".tmp_old_chunk"
export const archivePath = "archives"

export interface ChunkName {
  readonly id: bigint
  readonly creationTime: bigint
  readonly closeTime: bigint | undefined
  /** A name that the peer gave: it replaces name and path, and forbids renames. */
  readonly overrideName: string | undefined
}

/** `<creation>-<id>` while open, `<creation>-<close>-<id>` once closed. */
export const nameOf = (chunk: ChunkName): string => {
  if (chunk.overrideName !== undefined) return chunk.overrideName
  const close = chunk.closeTime === undefined ? "" : `${chunkTime(chunk.closeTime)}-`
  return `${chunkTime(chunk.creationTime)}-${close}${chunk.id}`
}

/** The id in such a name; undefined: it is another. */
export const idOf = (name: string): bigint | undefined => {
  const [, id] = /^\d{8}T\d{6}[+-]\d{4}-(?:\d{8}T\d{6}[+-]\d{4}-)?(\d+)$/.exec(name) ?? []
  return id === undefined ? undefined : BigInt(id)
}

/** The path of a new chunk. */
export const initialPath = (chunk: ChunkName, hasCurrentChunk: boolean, hasRotated: boolean): string => {
  if (chunk.overrideName !== undefined) return chunk.overrideName
  if (hasCurrentChunk) return newChunkPath
  return hasRotated ? nameOf(chunk) : ""
}

/** The path to which the current chunk moves when the one before it is closed. */
export const settledPath = (chunk: ChunkName, command: number | undefined, hasRotated: boolean): string =>
  command === closeCommand.delete && !hasRotated ? "" : nameOf(chunk)

/** The path to which a chunk moves back that is closed without a command; its name is still that of an open chunk. */
export const restoredPath = (chunk: ChunkName, hasRotated: boolean): string => (hasRotated ? nameOf(chunk) : "")

/** The path that a close answers, relative to the output directory. `closed` has its close time. */
export const closeReplyPath = (
  outputPath: string,
  closed: ChunkName,
  session: { readonly hasRotated: boolean; readonly isSnapshot: boolean }
): string => {
  if (session.isSnapshot) return `${outputPath}/${nameOf(closed)}`
  return session.hasRotated ? `${outputPath}/${archivePath}/${nameOf(closed)}` : outputPath
}
