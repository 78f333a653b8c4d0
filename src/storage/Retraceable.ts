/**
 * `Files` whose latest renames can be undone after a crash (docs/durability.md): while a directory is watched, each
 * rename below it, and each new name, is logged before it is done. Shadows can stand in for its files (`ShadowFiles`).
 */
import { dirname, relative, resolve } from "node:path"
import { Effect, Option, Schema, Semaphore } from "effect"
import { type Blank, Blanks } from "./Blanks.ts"
import { crc32 } from "./Crc32.ts"
import { type FileFailed, Files, type OpenFile } from "./Files.ts"
import { OwnDirectories } from "./OwnDirectories.ts"
import { isMendable } from "./RoomWait.ts"
import { removeEmptyTree } from "./Walks.ts"
import { Prefixes, Watches } from "./Watches.ts"
import { isWithin } from "./Within.ts"

const Change = Schema.Struct({
  /** Number of the owner's mark after which the change was made. */
  after: Schema.Finite,
  /** The old name, if it is a rename. */
  from: Schema.optionalKey(Schema.String),
  /** The new name of a rename, or the file or directory that was made. Absolute: earlier versions take no others. */
  path: Schema.String,
  /** Lies above all names, and may be moved with them. Absent: names are absolute, or as seen from where it is now. */
  base: Schema.optionalKey(Schema.String),
  /** If set, this is no change: it tells what zeros stand for (`Blanks`). Earlier versions see a rename to itself. */
  blank: Schema.optionalKey(Schema.Struct({ found: Schema.Finite, size: Schema.Finite }))
})
type Change = typeof Change.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Change))

const sumOf = (text: string): string => crc32(text).toString(16).padStart(8, "0")

const lineOf = (change: Change): Buffer => {
  const text = JSON.stringify(change)
  return Buffer.from(`${sumOf(text)} ${text}\n`)
}

/** The change in a line; undefined: there is none. If what was written before it is lost, it begins with zeros. */
const changeOf = (line: string): Change | undefined => {
  const bare = line.replace(/^\0+/, "")
  // Earlier versions wrote no checksum.
  const [, sum, text = bare] = /^([0-9a-f]{8}) (.*)$/.exec(bare) ?? []
  return sum === undefined || sum === sumOf(text) ? Option.getOrUndefined(decode(text)) : undefined
}

/** With absolute names, as they are now that the base is `base`. */
const placed = ({ base: before, from, path, ...change }: Change, base: string): Change => {
  const place = (name: string) => resolve(base, before === undefined ? name : relative(before, name))
  return { ...change, ...(from !== undefined && { from: place(from) }), path: place(path) }
}

/** Whether each whole line of `text` is as it was written, and of no mark later than `after`. */
export const isReadable = (text: string, after: number): boolean =>
  text
    .split("\n")
    .slice(0, -1)
    .every((line) => (changeOf(line)?.after ?? Number.POSITIVE_INFINITY) <= after)

/** The files below `base` of which `text` says that zeros stood for something at the mark `after`. */
export const blanksOf = (text: string, after: number, base: string): ReadonlyArray<Blank> =>
  text.split("\n").flatMap((line) => {
    const change = changeOf(line)
    if (change?.blank === undefined || change.after !== after) return []
    return [{ path: placed(change, base).path, ...change.blank }]
  })

interface Noted {
  /** The old name, if it is a rename. */
  readonly from?: string
  /** A directory is made. */
  readonly isDirectory?: boolean
}

export interface WatchOptions {
  /** What is noted outlives the machine's power, as does the name that it is about. */
  readonly isSynced: boolean
  /** The directories in `prefixes` lie in it. */
  readonly base: string
  /** Whose changes it notes: none of others in directories of their own. */
  readonly party?: string
  readonly blanks?: Blanks
}

/** Logs changes of names below the directories in `prefixes` in a file of its own. */
export class Watch {
  readonly prefixes = new Prefixes()
  readonly #file: OpenFile
  readonly #isSynced: boolean
  readonly #base: string
  readonly party: string
  readonly #blanks: Blanks | undefined
  readonly #turn = Semaphore.makeUnsafe(1)
  #position = 0
  after = 0

  constructor(file: OpenFile, { base, blanks, isSynced, party = "" }: WatchOptions) {
    this.#file = file
    this.#isSynced = isSynced
    this.#base = base
    this.party = party
    this.#blanks = blanks
  }

  /** To be done before what it tells of. A directory that is made may be left over: it is empty. */
  note(path: string, of: Noted): Effect.Effect<void, FileFailed> {
    const put = this.#put({ path, ...(of.from !== undefined && { from: of.from }) })
    const isSynced = this.#isSynced && of.isDirectory !== true
    return this.#turn.withPermits(1)(isSynced ? Effect.andThen(put, this.#file.sync) : put)
  }

  #put(change: Omit<Change, "after" | "base">): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      const line = lineOf({ after: this.after, ...change, base: this.#base })
      const at = this.#position
      this.#position += line.length
      return this.#file.write([line], at)
    })
  }

  /**
   * Writes the mark `after`, at which nothing is under way. Sessions may end meanwhile, since a relay that stops does
   * not wait: what they change waits, and belongs behind the mark.
   */
  marked<E>(after: number, written: Effect.Effect<void, E>): Effect.Effect<void, E | FileFailed> {
    return this.#turn.withPermits(1)(Effect.andThen(written, this.advance(after)))
  }

  /** What was done before the mark `after` stays: empties the log, and tells again what zeros stand for. */
  advance(after: number): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      this.after = after
      const emptied = this.#position === 0 ? Effect.void : this.#file.truncate(0)
      this.#position = 0
      const blanks = this.#blanks?.isEmpty === false ? this.#blanks.within(this.prefixes) : []
      const put = ({ found, path, size }: Blank) => this.#put({ from: path, path, blank: { found, size } })
      return Effect.andThen(emptied, Effect.forEach(blanks, put, { discard: true }))
    })
  }

  get close(): Effect.Effect<void> {
    return this.#file.close
  }
}

/** Where changes are taken back: below `within` and nothing beyond, and no directory of `kept`; absolute paths. */
export interface Taken {
  readonly within: string
  readonly kept: ReadonlySet<string>
}

/** Files that stand in for the real ones at the paths that it covers. */
export interface Shadow {
  readonly files: Files["Service"]
  readonly covers: (path: string) => boolean
}

export class Retraceable {
  readonly #files: Files["Service"]
  readonly watches = new Watches<Watch>()
  readonly blanks = new Blanks()
  /** Operations on paths that one of them covers are done to its files. */
  readonly shadows = new Set<Shadow>()
  readonly own = new OwnDirectories()

  constructor(files: Files["Service"]) {
    this.#files = files
  }

  /** The files without shadow or watch. */
  get plain(): Files["Service"] {
    return this.#files
  }

  #shadowOf(path: string): Shadow | undefined {
    for (const shadow of this.shadows) if (shadow.covers(path)) return shadow
    return undefined
  }

  isWatched(path: string): boolean {
    return this.#shadowOf(path) === undefined && this.#watchOf(path) !== undefined
  }

  #watchOf(path: string): Watch | undefined {
    return this.watches.of(path, ({ party }) => !this.own.isOfOthers(path, party))
  }

  #noted(path: string, of: Noted): Effect.Effect<void, FileFailed> {
    return this.#watchOf(path)?.note(path, of) ?? Effect.void
  }

  get service(): Files["Service"] {
    const to = (path: string) => this.#shadowOf(path)?.files ?? this.#files
    const isQuiet = (path: string) => this.watches.size === 0 || this.#shadowOf(path) !== undefined
    const noted = <A>(path: string, act: () => Effect.Effect<A, FileFailed>, of: Noted = {}) =>
      Effect.suspend(() => (isQuiet(path) ? act() : Effect.flatMap(this.#noted(path, of), act)))
    // A file that is there is not made, and to undo that would remove it.
    const made = <A>(path: string, act: Effect.Effect<A, FileFailed>) =>
      Effect.suspend(() => {
        if (isQuiet(path)) return act
        const isThere = Effect.isSuccess(this.#files.size(path))
        return Effect.flatMap(isThere, (is) => (is ? act : noted(path, () => act)))
      })
    const { blanks } = this
    const blanked = <A>(path: string, act: Effect.Effect<A, FileFailed>, then: () => void) =>
      blanks.isEmpty || this.#shadowOf(path) !== undefined ? act : Effect.tap(act, () => Effect.sync(then))
    const removed = <A>(path: string, act: Effect.Effect<A, FileFailed>) =>
      blanked(path, act, () => blanks.remove(path))
    return Files.of({
      open: (path, mode) => {
        const opened = to(path).open(path, mode)
        if (mode === "new") return made(path, opened)
        return mode === "create" ? removed(path, opened) : opened
      },
      makeDirectory: (path) => noted(path, () => to(path).makeDirectory(path), { isDirectory: true }),
      rename: (from, path) => {
        const renamed = () => blanked(path, to(path).rename(from, path), () => blanks.rename(from, path))
        return noted(path, renamed, { from })
      },
      unlink: (path) => removed(path, to(path).unlink(path)),
      displace: (path) => removed(path, to(path).displace(path)),
      removeDirectory: (path) => to(path).removeDirectory(path),
      list: (path) => to(path).list(path),
      size: (path) => to(path).size(path),
      syncDirectory: (path) => to(path).syncDirectory(path),
      resolve: (path) => to(path).resolve(path)
    })
  }

  /**
   * Undoes the changes after the mark `after` that the log `path` has, the latest first; `text` is what is in it. What
   * it says of names that do not lie `within` is not from a relay, and passed over. A change that was undone leaves the
   * log, so that a relay that is killed meanwhile goes on from there: undone once more, the making of a file could
   * remove another one that has been moved back to its name. The directories `kept` stay, even if all that they had at
   * the mark was deleted since: one that is not there was removed by somebody else. It fails, and the rest stays in the
   * log, if the disk lets one not be undone now.
   */
  takeBack(path: string, text: string, after: number, { kept, within }: Taken): Effect.Effect<void, FileFailed> {
    const only = new Set([within])
    const isOwn = (name: string | undefined) => name === undefined || isWithin(name, only)
    const changes: Array<{ readonly at: number; readonly change: Change }> = []
    let at = 0
    for (const line of text.split("\n")) {
      const noted = changeOf(line)
      const change = noted && placed(noted, within)
      const isUndone = change?.after === after && change.blank === undefined
      if (isUndone && isOwn(change.path) && isOwn(change.from)) changes.push({ at, change })
      at += Buffer.byteLength(line) + 1
    }
    if (changes.length === 0) return Effect.void
    const takenBack = (file: OpenFile) =>
      Effect.forEach(
        changes.toReversed(),
        ({ at, change }) => Effect.andThen(this.#takeBack(change, kept), file.truncate(at)),
        { discard: true }
      )
    return Effect.flatMap(this.#files.open(path, "continue"), (file) => Effect.ensuring(takenBack(file), file.close))
  }

  #takeBack({ from, path }: Change, kept: Taken["kept"]): Effect.Effect<void, FileFailed> {
    const files = this.#files
    const isLasting = (failure: FileFailed) => !isMendable(failure)
    if (from === undefined) return Effect.catchIf(files.unlink(path), isLasting, () => this.#removeEmpty(path, kept))
    const back = Effect.andThen(files.makeDirectory(dirname(from)), files.rename(path, from))
    // Directories with nothing in them, made since, of which the machine's power took the note: `note` syncs none.
    const isInTheWay = ({ code }: FileFailed) => code === "ENOTEMPTY" || code === "EEXIST"
    const made = Effect.catchIf(back, isInTheWay, () => Effect.andThen(removeEmptyTree(files, from), back))
    return Effect.catchIf(made, isLasting, () => Effect.void)
  }

  /**
   * Removes a directory that was made, and its parents, which may have been made with it, as long as they are empty:
   * one that is not has something from before.
   */
  #removeEmpty(path: string, kept: Taken["kept"]): Effect.Effect<void> {
    if (kept.has(path)) return Effect.void
    return Effect.matchEffect(this.#files.removeDirectory(path), {
      onSuccess: () => this.#removeEmpty(dirname(path), kept),
      onFailure: ({ code }) => (code === "ENOENT" ? this.#removeEmpty(dirname(path), kept) : Effect.void)
    })
  }
}
