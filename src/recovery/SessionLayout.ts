/**
 * The chunks of one session directory: which renames a crash has interrupted, and what each directory was to become
 * (storage.md §4.2, §4.5). Pure.
 *
 * A chunk's name says when it began and ended and its number. What the directory's own name no longer tells comes from
 * the packets in it, and the number from the chunks beside it.
 */
import { chunkTime } from "../model/Time.ts"
import { archivePath, newChunkPath, oldChunkPath } from "../model/TraceChunk.ts"
import { type Change, type Finding, finding } from "./Finding.ts"
import { join } from "./Tree.ts"

export interface Directory {
  readonly name: string
  /** Names of the directories in it. */
  readonly directories: ReadonlyArray<string>
  /** Seconds since the epoch: first and last packet below, or when the directory changed. */
  readonly begin: number
  readonly end: number
  /** There is something below that is no directory. */
  readonly hasFiles: boolean
  /** Paths of the directories below, inner before outer, and its own. */
  readonly paths: ReadonlyArray<string>
}

export interface Session {
  readonly path: string
  readonly directories: ReadonlyArray<Directory>
}

const time = String.raw`\d{8}T\d{6}[+-]\d{4}`
const openName = new RegExp(`^(${time})-(\\d+)$`)
const closedName = new RegExp(`^(${time})-(${time})-(\\d+)$`)

export const isTemporary = (name: string): boolean => name === oldChunkPath || name === newChunkPath

/** Where a trace lies in its session. */
export interface Place {
  /** The session's directory. */
  readonly session: string
  /** The chunk's number, if its name tells; how many after the last archived one, if it has none yet. */
  readonly number: number | { readonly behind: number } | undefined
}

/** Where the trace at `path` lies; undefined: the path does not tell. */
export const placeOf = (path: string): Place | undefined => {
  const names = path.split("/")
  const at = names.findIndex(
    (name, index) =>
      /^(ust|kernel)$/.test(name) ||
      isTemporary(name) ||
      openName.test(name) ||
      closedName.test(name) ||
      (name === archivePath && index + 1 < names.length)
  )
  if (at < 0) return undefined
  const session = names.slice(0, at).join("/")
  const name = (names[at] === archivePath ? names[at + 1] : names[at]) ?? ""
  if (closedName.test(name)) return { session, number: closedNumber(name) }
  if (openName.test(name)) return { session, number: openNumber(name) }
  if (names[at] === archivePath) return { session, number: undefined }
  return { session, number: { behind: name === newChunkPath ? 2 : 1 } }
}

const snapshotName = /-\d{8}-\d{6}-\d+$/

/** Whether the path lies in a snapshot: two of one session may have the same packets. */
export const isInSnapshot = (path: string): boolean => path.split("/").some((name) => snapshotName.test(name))

/** Whether names like these make a directory a session's. */
export const isSession = (names: ReadonlyArray<string>): boolean =>
  names.some((name) => name === archivePath || isTemporary(name) || openName.test(name))

const closedNumber = (name: string): number => Number(closedName.exec(name)?.[3] ?? -1)
const openNumber = (name: string): number => Number(openName.exec(name)?.[2] ?? -1)

interface Chunks {
  readonly path: string
  readonly old: Directory | undefined
  readonly fresh: Directory | undefined
  /** Names of traces' directories that lie in the session itself, not in a chunk's directory. */
  readonly tops: ReadonlyArray<string>
  readonly open: ReadonlyArray<Directory>
  readonly archives: Directory | undefined
}

const chunksOf = ({ path, directories }: Session): Chunks => {
  const named = (name: string) => directories.find((directory) => directory.name === name)
  const tops = directories.map(({ name }) => name).filter((name) => /^(ust|kernel)$/.test(name))
  const open = directories.filter(({ name }) => openName.test(name))
  return { path, tops, open, old: named(oldChunkPath), fresh: named(newChunkPath), archives: named(archivePath) }
}

const move = (path: string, from: string, to: string): Change => ({
  kind: "rename",
  path: join(path, from),
  to: join(path, to)
})

/** The next number after those of archived chunks. */
const nextNumber = ({ archives }: Chunks): number =>
  (archives?.directories ?? []).reduce((most, name) => Math.max(most, closedNumber(name)), -1) + 1

/** What was left in the session's directory when the first chunk was moved out of it. */
const strays = ({ old, tops }: Chunks): ReadonlyArray<string> =>
  old === undefined ? [] : tops.filter((top) => !old.directories.includes(top))

/** Finding about a chunk that was about to be archived, since its successor was made. */
const archived = (chunks: Chunks, old: Directory): Finding => {
  const left = strays(chunks)
  const number = nextNumber(chunks)
  const name = `${chunkTime(BigInt(old.begin))}-${chunkTime(BigInt(old.end))}-${number}`
  const moves = [
    ...left.map((top) => move(chunks.path, top, `${oldChunkPath}/${top}`)),
    move(chunks.path, oldChunkPath, `${archivePath}/${name}`)
  ]
  const detail = "a rotation was not finished: this chunk was about to be archived"
  return finding("damage", "chunk-unfinished", join(chunks.path, oldChunkPath), detail, { changes: moves })
}

/** Finding about an empty chunk, as a clear leaves it that was interrupted. */
const emptied = ({ paths }: Directory): Finding =>
  finding("damage", "chunk-unfinished", paths.at(-1) ?? "", "an empty chunk was left", {
    changes: paths.map((path) => ({ kind: "remove-directory", path }))
  })

const settled = (chunks: Chunks, fresh: Directory): Finding => {
  const { archives, old, open, path } = chunks
  const left = strays(chunks)
  const ups = chunks.tops.filter((top) => !left.includes(top))
  const isFirst = old === undefined && open.length === 0 && archives === undefined
  const canGoUp = fresh.directories.every((name) => !ups.includes(name))
  const isGoingUp = canGoUp && (ups.length > 0 || isFirst)
  const number = open.reduce(
    (next, { name }) => Math.max(next, openNumber(name) + 1),
    nextNumber(chunks) + (old === undefined ? 0 : 1)
  )
  const changes: ReadonlyArray<Change> = isGoingUp
    ? [
        ...fresh.directories.map((name) => move(path, `${newChunkPath}/${name}`, name)),
        { kind: "remove-directory", path: join(path, newChunkPath) }
      ]
    : [move(path, newChunkPath, `${chunkTime(BigInt(fresh.begin))}-${number}`)]
  const detail = "a rotation was not finished: this chunk was not named yet"
  const empty: Change = { kind: "remove-directory", path: join(path, newChunkPath) }
  return finding("damage", "chunk-unfinished", join(path, newChunkPath), detail, {
    changes: fresh.directories.length === 0 ? [empty] : changes
  })
}

/** Findings about chunks that others have followed, and that nobody archived. */
const leftOpen = ({ open, path }: Chunks): ReadonlyArray<Finding> =>
  [...open]
    .sort((a, b) => openNumber(a.name) - openNumber(b.name))
    .slice(0, -1)
    .map(({ name }) => finding("note", "chunk-open", join(path, name), "not archived, though another one follows it"))

const unnamed = ({ archives, path }: Chunks): ReadonlyArray<Finding> =>
  (archives?.directories ?? [])
    .filter((name) => !closedName.test(name))
    .map((name) =>
      finding("damage", "chunk-unnamed", join(path, `${archivePath}/${name}`), "no name of a closed chunk")
    )

export const check = (session: Session): ReadonlyArray<Finding> => {
  const chunks = chunksOf(session)
  const { fresh, old } = chunks
  const isOldEmpty = old !== undefined && !old.hasFiles && strays(chunks).length === 0
  return [
    ...(old === undefined ? [] : [isOldEmpty ? emptied(old) : archived(chunks, old)]),
    ...(fresh === undefined ? [] : [settled(chunks, fresh)]),
    ...leftOpen(chunks),
    ...unnamed(chunks)
  ]
}
