/** Finds the journals that an earlier relay was carrying out when it ended, and reads their histories. */
import { Effect, Option, Schema } from "effect"
import { FormatLater, isLater } from "../../model/Format.ts"
import { isClimbing, isHidden } from "../../model/Path.ts"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, offsets } from "../../protocol/journal/Record.ts"
import type { RecordSink } from "../../protocol/journal/RecordFramer.ts"
import { u64At } from "../../protocol/Struct.ts"
import * as Text from "../../protocol/Text.ts"
import { FileFailed, type OpenFile } from "../../storage/Files.ts"
import { blanksOf, isReadable, Watch } from "../../storage/Retraceable.ts"
import { basis, keptBytes, mark, named, path } from "./HistoryRecord.ts"
import { directoryOf, forget, pathsOf, place, remove, type Store, syncNames, textOf } from "./JournalFiles.ts"
import { About, JournalHistory } from "./JournalHistory.ts"
import { Seals, seedOf } from "./Seals.ts"

const decodeAbout = Schema.decodeUnknownOption(Schema.fromJsonString(About))

export interface Found {
  readonly token: string
  readonly about: About
  readonly isSynced: boolean
  /** Number of the last record whose effects are in the files. */
  readonly marked: number
  /** The directories of its sessions, and what is `named` in them, relative to the output directory. */
  readonly places: ReadonlySet<string>
  /** Those of its sessions, absolute. */
  readonly directories: ReadonlySet<string>
  /** Goes through the records up to `marked`. `bytes[from, to)` is the payload, with zeros for what was not kept. */
  readonly replay: (each: EachRecord) => Effect.Effect<void, FileFailed>
  /** Undoes renames since the last mark. */
  readonly takeBack: Effect.Effect<void, FileFailed>
  /** It is not continued. */
  readonly close: Effect.Effect<void>
  /** Opens its history to add to it. */
  readonly goOn: Effect.Effect<JournalHistory, FileFailed>
}

export type EachRecord = (...record: Parameters<RecordSink>) => Effect.Effect<void>

/** Longer than any record. */
const windowBytes = 2 * 1024 * 1024

/** Of most. */
const payloadBytesMin = 4096

/** No longer than what there is to read: a relay may find some thousand journals, most of them short. */
const windowFor = (byteCount: number): Buffer =>
  Buffer.allocUnsafeSlow(Math.min(windowBytes, Math.max(headBytes, byteCount)))

const storedBytes = (bytes: Buffer, at: number, end: number): number | undefined => {
  const kind = bytes.readUInt16BE(at + offsets.kind)
  const payload = at + headBytes
  const commandAt = payload + Header.offsets.command
  if (kind === Kind.command && commandAt + 4 > end) return undefined
  const command = kind === Kind.command ? bytes.readUInt32BE(commandAt) : 0
  return kind === mark ? 0 : keptBytes(kind, bytes.readUInt32BE(at + offsets.byteCount), command)
}

/** Calls `each` with each whole record, `bytes[at, …)` at `offset` of the file, until it answers false. */
const walk = (
  file: OpenFile,
  byteCount: number,
  each: (bytes: Buffer, at: number, stored: number, offset: number) => Effect.Effect<boolean>
): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const window = windowFor(byteCount)
    let offset = 0
    while (true) {
      const count = yield* file.read(window, offset)
      let at = 0
      while (at + headBytes <= count) {
        const stored = storedBytes(window, at, count)
        if (stored === undefined || at + headBytes + stored > count) break
        if (!(yield* each(window, at, stored, offset + at))) return
        at += headBytes + stored
      }
      if (at === 0) return
      offset += at
    }
  })

const replay = (file: OpenFile, end: number, marked: number, each: EachRecord): Effect.Effect<void, FileFailed> => {
  // What was not kept of a payload reads as zeros.
  let payload = Buffer.alloc(payloadBytesMin)
  return walk(file, end, (bytes, at, stored) => {
    const number = u64At(bytes, at)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    if (kind === mark) return Effect.succeed(number < marked)
    if (kind === path || (kind === basis && stored === 0)) return Effect.succeed(true)
    const byteCount = bytes.readUInt32BE(at + offsets.byteCount)
    if (byteCount > payload.length) payload = Buffer.alloc(windowBytes)
    payload.fill(0, 0, Math.min(byteCount, stored + 64))
    bytes.copy(payload, 0, at + headBytes, at + headBytes + stored)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    return Effect.as(each(number, kind, connection, payload, 0, byteCount), true)
  })
}

export interface Options {
  readonly isSynced: boolean
  /** Of which the files may be open at once. */
  readonly countMax: number
  /** Told why a journal is not known any more, or cannot be read. */
  readonly told: (detail: string) => Effect.Effect<void>
}

/** A directory that a session may have, relative to the output directory. */
const isPlace = (path: string): boolean => path !== "" && !isClimbing(path) && !isHidden(path)

/** Behind `end` there is a mark. */
const goesOn = (file: OpenFile, end: number, size: number, seals: Seals): Effect.Effect<boolean, FileFailed> =>
  Effect.gen(function* () {
    if (size <= end) return false
    // One byte more: that it is not filled says that it was the last.
    const window = windowFor(size - end + 1)
    for (let offset = end; ; offset += window.length - headBytes) {
      const count = yield* file.read(window, offset)
      if (seals.hasMark(window.subarray(0, count))) return true
      if (count < window.length) return false
    }
  })

/** Why nothing is found, though something is left. */
export type Unfound = FileFailed | FormatLater

export const find = (store: Store, token: string, options: Options): Effect.Effect<Found | undefined, Unfound> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    const paths = pathsOf(store, token)
    const about = yield* textOf(files, paths.about)
    if (isLater(about)) return yield* new FormatLater({ path: paths.about })
    // A rewritten history that had not replaced the old one yet.
    yield* Effect.ignore(files.unlink(paths.fresh))
    const file = yield* files.open(paths.history, "continue")
    return yield* Effect.onError(foundIn(store, token, file, about, options), () => file.close)
  }).pipe(Effect.uninterruptible)

const foundIn = (
  store: Store,
  token: string,
  file: OpenFile,
  text: string,
  { isSynced, told }: Options
): Effect.Effect<Found | undefined, FileFailed> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    const paths = pathsOf(store, token)
    const about = Option.getOrUndefined(decodeAbout(text))
    const seals = new Seals(seedOf(token, text))
    let isWhole = true
    let marked = 0
    let end = 0
    const places = new Set<string>()
    const directories = new Set<string>()
    /** Since the mark: if none follows they are cut off with what is behind it, and come again. */
    const begun: Array<{ readonly at: string; readonly isNamed: boolean }> = []
    const size = yield* files.size(paths.history)
    yield* walk(file, size, (bytes, at, stored, offset) => {
      const kind = bytes.readUInt16BE(at + offsets.kind)
      if (kind !== mark) seals.add(bytes, at, at + headBytes + stored)
      else if (!seals.mark(bytes, at)) {
        // The machine's power may have taken the end of the last one, and left its length: zeros.
        isWhole = offset + headBytes === size && bytes[at + headBytes - 1] === 0
        return Effect.succeed(false)
      }
      if (kind === path) {
        const isNamed = bytes.readUInt16BE(at + offsets.connection) === named
        begun.push({ at: Text.textOf(bytes.subarray(at + headBytes, at + headBytes + stored)), isNamed })
      }
      if (kind === mark) {
        marked = u64At(bytes, at)
        end = offset + headBytes
        for (const { at, isNamed } of begun.splice(0)) {
          places.add(at)
          if (!isNamed) directories.add(directoryOf(store, at))
        }
      }
      return Effect.succeed(true)
    })
    const changes = yield* textOf(files, paths.changes)
    const isNone = end === 0 && size > 0
    const isBroken =
      !isWhole ||
      isNone ||
      ![...places].every(isPlace) ||
      (about === undefined && marked > 0) ||
      (yield* goesOn(file, end, size, seals))
    const worst = isBroken ? paths.history : isReadable(changes, marked) ? undefined : paths.changes
    if (about === undefined || marked === 0 || worst !== undefined) {
      if (worst !== undefined) yield* told(`${worst} is damaged`)
      yield* file.close
      yield* remove(store, token)
      return undefined
    }
    yield* file.truncate(end)
    // The relay that wrote the last mark may have ended before it was synced; what led there is about to be forgotten.
    if (isSynced) yield* file.sync
    const blanksBefore = blanksOf(changes, marked, store.output)
    const goOn = Effect.gen(function* () {
      const changes = yield* Effect.onError(files.open(paths.changes, "create"), () => file.close)
      const { blanks } = store.retraceable
      for (const blank of blanksBefore) blanks.add(blank)
      const watch = new Watch(store.roomWait.file(changes), { isSynced, base: store.output, party: token, blanks })
      for (const directory of directories) watch.prefixes.add(directory)
      yield* Effect.onError(watch.advance(marked), () => Effect.andThen(file.close, watch.close))
      return new JournalHistory(store, { token, about: text, file, watch, position: end, isSynced })
    })
    return {
      token,
      about,
      isSynced,
      marked,
      places,
      directories,
      replay: (each) => replay(file, end, marked, each),
      close: file.close,
      takeBack: store.retraceable.takeBack(paths.changes, changes, marked, { within: store.output, kept: directories }),
      goOn
    }
  })

/** Journals that an earlier relay has finished, or ended, whose edges may not know yet; each list the oldest first. */
export interface Over {
  readonly finished: ReadonlyArray<Flag>
  readonly ended: ReadonlyArray<Flag>
  /** Their edges did not come in time, but may still come. */
  readonly expired: ReadonlyArray<Flag>
}

/** That a journal is over, as it was written down. */
export interface Flag {
  readonly token: string
  /** Whose it was; nothing: the flag does not say. */
  readonly owner: string
}

/** It cannot be known what is there. */
export type Unlisted = FileFailed

/**
 * Fails rather than find none: edges whose journals a relay does not know put the rest aside. But a relay starts where
 * nothing can be recorded, as the reference does, since that may be put right while it runs.
 */
const namesIn = ({ output, retraceable: { plain } }: Store): Effect.Effect<ReadonlyArray<string>, FileFailed> => {
  const directory = `${output}/${place}`
  return plain.list(directory).pipe(
    Effect.map((entries) => entries.map(({ name }) => name)),
    Effect.catch((failure) => {
      if (failure.code === "ENOENT" || failure.code === "ENOTDIR") return Effect.succeed([])
      if (failure.code !== "EACCES") return Effect.fail(failure)
      const isOutOfReach = Effect.isFailure(plain.size(directory))
      return Effect.flatMap(isOutOfReach, (is) => (is ? Effect.succeed([]) : Effect.fail(failure)))
    })
  )
}

const tokensOf = (names: ReadonlyArray<string>, pattern: RegExp) =>
  names.flatMap((name) => pattern.exec(name)?.[1] ?? [])

const overOf = (names: ReadonlyArray<string>) => ({
  finished: tokensOf(names, /^(.*)\.finished$/),
  ended: tokensOf(names, /^(.*)\.ended$/),
  expired: tokensOf(names, /^(.*)\.expired$/)
})

/** Flags that are read at once. */
const flagCountMax = 16

/** Nothing is ever written to a flag again: it is as old as its file. */
const flagOf = (store: Store, token: string, what: keyof Over) =>
  Effect.gen(function* () {
    const { plain } = store.retraceable
    const path = pathsOf(store, token)[what]
    const file = yield* plain.open(path, "read")
    const bytes = Buffer.alloc(yield* Effect.orElseSucceed(plain.size(path), () => 0))
    const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
    return { token, owner: bytes.toString("utf8", 0, count), sinceMillis: file.modifiedMillis ?? 0 }
  }).pipe(Effect.orElseSucceed(() => ({ token, owner: "", sinceMillis: 0 })))

const flagsOf = (store: Store, tokens: ReadonlyArray<string>, what: keyof Over): Effect.Effect<ReadonlyArray<Flag>> =>
  Effect.map(
    Effect.forEach(tokens, (token) => flagOf(store, token, what), { concurrency: flagCountMax }),
    (flags) =>
      flags.sort((one, other) => one.sinceMillis - other.sinceMillis).map(({ owner, token }) => ({ token, owner }))
  )

export const findOver = (store: Store): Effect.Effect<Over, FileFailed> =>
  Effect.gen(function* () {
    const { ended, expired, finished } = overOf(yield* namesIn(store))
    return {
      finished: yield* flagsOf(store, finished, "finished"),
      ended: yield* flagsOf(store, ended, "ended"),
      expired: yield* flagsOf(store, expired, "expired")
    }
  })

/** What was put down of the journal's edge; undefined: nothing that can be read. */
export const aboutOf = (store: Store, token: string): Effect.Effect<About | undefined> =>
  textOf(store.retraceable.plain, pathsOf(store, token).about).pipe(
    Effect.map((text) => Option.getOrUndefined(decodeAbout(text))),
    Effect.orElseSucceed(() => undefined)
  )

/** Removes the flags of journals that are forgotten because there are too many. */
export const forgetOver = (store: Store, tokens: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(tokens, (token) => forget(store, token), { discard: true })

/** There is no descriptor for what is left of the journal, as things are. */
export const shortage = (store: Store, token: string): FileFailed =>
  new FileFailed({ operation: "open", path: pathsOf(store, token).history, code: "EMFILE" })

/** The tokens in the names of such files. */
const part = /^(.*?)\.(?:history|history\.new|changes|json|away)$/

/**
 * Journals that an earlier relay was carrying out: puts them into `found`, and whoever has that closes them. One that
 * cannot be read is left as it is, as are those beyond `countMax`: `failed` is told.
 */
export const findAll = (
  store: Store,
  options: Options,
  found: Set<Found>,
  failed: (token: string, failure: Unfound) => Effect.Effect<void>
): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const all = yield* namesIn(store)
    if (options.isSynced && all.length > 0) yield* Effect.ignore(syncNames(store))
    const over = overOf(all)
    const finished = new Set([...over.finished, ...over.ended])
    const expired = new Set(over.expired)
    const names = new Set(all)
    for (const token of new Set(tokensOf(all, part))) {
      // The earlier relay was killed while it began or removed this one.
      const isPartial = !names.has(`${token}.history`)
      if (finished.has(token) || isPartial) yield* remove(store, token)
      if (finished.has(token) || isPartial || expired.has(token)) continue
      const asked = found.size < options.countMax ? find(store, token, options) : Effect.fail(shortage(store, token))
      const kept = Effect.map(asked, (journal) => journal !== undefined && found.add(journal))
      yield* Effect.uninterruptible(Effect.catch(kept, (failure) => failed(token, failure)))
    }
  })
