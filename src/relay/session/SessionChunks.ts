/**
 * The trace chunks of one session and its rotations (streaming.md §6.13–§6.16): the current chunk, the one that waits
 * for its close command, and what each chunk command does to them. Run by the session's fiber, one command at a time.
 *
 * Race: relay sessions of one tracing session share chunks. Renames are idempotent, exclude opens inside the chunk's
 * directory, and wait for chunks that are being put away.
 */
import { resolve } from "node:path"
import { Effect } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import { isSafeChunkName } from "../../model/Path.ts"
import { suffixOf, withSuffix } from "../../model/Suffix.ts"
import * as Names from "../../model/TraceChunk.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import { TraceChunk } from "../TraceChunk.ts"
import type { Owner } from "./Chunks.ts"
import type { Identity } from "./Identity.ts"
import type { Surroundings } from "./Surroundings.ts"

/** A refusal ends the connection after the reply. */
export interface Outcome {
  readonly returnCode: number
  readonly refusal: Incident | undefined
}

const accepted: Outcome = { returnCode: ReturnCode.OK, refusal: undefined }
const abort = (returnCode: number, code: Code, detail: string): Outcome => ({ returnCode, refusal: { code, detail } })

/** A name that a chunk may have, or none. Its directory has been entered until `leave`. */
interface Entered {
  readonly name: string | undefined
  readonly leave: () => void
}

export type ChunkUnused = (owner: Owner, chunk: TraceChunk) => void

export interface ChunkRequest {
  readonly chunkId: bigint
  readonly creationTime: bigint
  readonly overrideName: string | undefined
  /** While a journal's history is repeated: the paths of what it has made, relative to the output directory. */
  readonly places?: ReadonlySet<string> | undefined
}

export interface CloseRequest {
  readonly chunkId: bigint
  readonly closeTime: bigint
  readonly closeCommand: number | undefined
}

export interface RotateRequest {
  readonly newChunkId: bigint | undefined
  readonly positions: ReadonlyArray<{ readonly streamId: bigint; readonly rotateAtSeqNum: bigint }>
}

/** The chunks of a session that does not rotate just now: the current one, and whether there were others. */
export interface ChunkBasis {
  readonly hasRotated: boolean
  /** Undefined: it has none. */
  readonly chunk: OpenChunk | undefined
}

export interface OpenChunk {
  /** Undefined for the anonymous chunk of a peer older than 2.11. */
  readonly name: Names.ChunkName | undefined
  readonly path: string
}

/** What a session waits for in another one that shares its chunks. */
export interface Sibling {
  readonly streams: ReadonlyMap<number, StreamActor>
  /** Done when the files of every closed stream are complete. */
  readonly completed: Effect.Effect<void>
}

export interface Options {
  readonly identity: Identity
  readonly surroundings: Surroundings
  /** The session's open streams. */
  readonly streams: ReadonlyMap<number, StreamActor>
  /** Sessions of the same tracing session, this one included. */
  readonly siblings: () => Iterable<Sibling>
  readonly onUnused: ChunkUnused
}

export class SessionChunks {
  readonly #identity: Identity
  readonly #surroundings: Surroundings
  readonly #streams: ReadonlyMap<number, StreamActor>
  readonly #siblings: () => Iterable<Sibling>
  readonly #onChunkUnused: ChunkUnused
  /** The chunk that new streams are made in. */
  current: TraceChunk | undefined
  #pendingClosure: TraceChunk | undefined
  isOngoingRotation = false
  hasRotated = false

  constructor(options: Options) {
    this.#identity = options.identity
    this.#surroundings = options.surroundings
    this.#streams = options.streams
    this.#siblings = options.siblings
    this.#onChunkUnused = options.onUnused
    this.current = options.identity.chunk
    if (this.current !== undefined) this.#occupy(this.current)
  }

  /** Gives its chunks back: the session ends. */
  release(): void {
    this.current?.release()
    this.#pendingClosure?.release()
    this.current = undefined
    this.#pendingClosure = undefined
  }

  /** Undefined: it rotates, or its chunk is being closed. */
  get basis(): ChunkBasis | undefined {
    const { current, hasRotated } = this
    if (this.isOngoingRotation || this.#pendingClosure !== undefined) return undefined
    if (current === undefined) return { hasRotated, chunk: undefined }
    const path = current.openPath
    return path === undefined ? undefined : { hasRotated, chunk: { name: current.name, path } }
  }

  /** Brings a session that has just begun to a basis; the chunk's directory may exist already. */
  resume({ chunk, hasRotated }: ChunkBasis): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { owner } = this.#identity
      this.hasRotated = hasRotated
      if (chunk?.name === undefined) return
      const { id } = chunk.name
      const { chunks } = this.#surroundings
      this.current = chunks.acquire(owner, id)
      // Another session of the owner may have made it already.
      if (this.current !== undefined) return this.#occupy(this.current)
      this.current = this.#chunk(chunk.name, chunk.path)
      this.#occupy(this.current)
      chunks.publish(owner, id, this.current)
      yield* this.current.directory.make
    })
  }

  /** Others of the session's directory have nothing to do with what is done in `path`, relative to the output's. */
  #enter(path: string): () => void {
    const { output, retraceable } = this.#surroundings.store
    return retraceable.own.enter(resolve(output, path), this.#identity.party)
  }

  #occupy(chunk: TraceChunk): void {
    if (chunk.hasOverrideName) chunk.occupied(this.#enter(chunk.directory.relativePath))
  }

  #chunk(name: Names.ChunkName, path: string): TraceChunk {
    const { outputPath: sessionPath, owner } = this.#identity
    return new TraceChunk({
      directory: this.#surroundings.store.directory(path === "" ? sessionPath : `${sessionPath}/${path}`),
      sessionPath,
      name,
      path,
      onUnused: (chunk) => this.#onChunkUnused(owner, chunk)
    })
  }

  /**
   * Chunks share the session directory: one that is being put away must not meet the files of the next. Streams that
   * have left a chunk by decision must first leave it on disk.
   */
  get #othersPutAway(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const { streams, completed } of this.#siblings()) {
        for (const stream of streams.values()) yield* Effect.ignore(stream.log.written)
        yield* completed
      }
      yield* this.#surroundings.chunks.allSettled(this.#identity.owner)
    })
  }

  /** `CREATE_TRACE_CHUNK` (§6.15). */
  make(request: ChunkRequest): Effect.Effect<Outcome> {
    return Effect.gen({ self: this }, function* () {
      this.isOngoingRotation = true
      const { current } = this
      const identity = this.#identity
      yield* this.#othersPutAway
      if (current !== undefined) {
        const failure = yield* failureOf(current.moveTo(Names.oldChunkPath))
        if (failure !== undefined) return abort(ReturnCode.UNKNOWN, "CHUNK_DIRECTORY", failure)
      }
      const { overrideName } = request
      if (overrideName !== undefined && !isSafeChunkName(overrideName)) {
        return abort(ReturnCode.INVALID, "CHUNK_NAME_UNSAFE", JSON.stringify(overrideName))
      }
      const { chunkId: id, creationTime } = request
      const { leave, name: free } = yield* this.#freeName(request)
      const name = { id, creationTime, closeTime: undefined, overrideName: free }
      const fresh = this.#chunk(name, Names.initialPath(name, current !== undefined, this.hasRotated))
      fresh.occupied(leave)
      const made = Effect.onError(fresh.directory.make, () => Effect.sync(() => fresh.left()))
      const failure = yield* failureOf(made)
      if (failure !== undefined) return abort(ReturnCode.UNKNOWN, "CHUNK_DIRECTORY", failure)
      const { chunks, journals } = this.#surroundings
      const published = chunks.publish(identity.owner, request.chunkId, fresh)
      if (published !== fresh) {
        this.#occupy(published)
        fresh.left()
      }
      // Where it is, whichever of the journal's sessions has made it.
      if (published.hasOverrideName) journals.ofSession(identity.id)?.names(published.directory.relativePath)
      if (this.#pendingClosure !== undefined) {
        published.release()
        return abort(ReturnCode.INVALID_PROTOCOL, "CHUNK_OUT_OF_ORDER", `chunk ${request.chunkId} before a close`)
      }
      this.#pendingClosure = current
      this.current = published
      if (current === undefined) this.isOngoingRotation = false
      return accepted
    })
  }

  /**
   * The chunk's override name, with a suffix if files are there already, of an earlier boot perhaps; its directory has
   * been entered.
   */
  #freeName({ chunkId, overrideName, places }: ChunkRequest): Effect.Effect<Entered> {
    return Effect.gen({ self: this }, function* () {
      if (overrideName === undefined) return { name: undefined, leave: () => {} }
      const { chunks, incidents } = this.#surroundings
      const { outputPath, owner } = this.#identity
      // Another consumer of the session may have begun it, or begin it meanwhile.
      const known = (): Entered | undefined => {
        const chunk = chunks.acquire(owner, chunkId)
        const begun = chunk?.name?.overrideName
        chunk?.release()
        if (begun === undefined) return undefined
        // By another name than it has: the directory of that is made, as LTTng's relay does, and stays empty.
        const isOther = suffixOf(`${outputPath}/${overrideName}`, `${outputPath}/${begun}`) === undefined
        const name = isOther ? overrideName : begun
        return { name, leave: this.#enter(`${outputPath}/${name}`) }
      }
      const begun = known()
      if (begun !== undefined) return begun
      // What others have is not seen among shadows, so it gets the name that it had.
      for (const suffix of suffixesOf(`${outputPath}/${overrideName}`, places)) {
        const free = yield* this.#entered(withSuffix(overrideName, suffix), places)
        if (free !== undefined) return free
      }
      for (let number = 0; ; number++) {
        const name = withSuffix(overrideName, number)
        const free = yield* this.#entered(name, places)
        const begun = known()
        if (begun !== undefined) {
          free?.leave()
          return begun
        }
        if (free === undefined) continue
        if (number > 0) yield* incidents.report("NAME_TAKEN", `${outputPath}/${overrideName}: recorded in ${name}`)
        return free
      }
    })
  }

  /** Enters the directory of a name. Undefined: files are there, or somebody else is. */
  #entered(name: string, places: ChunkRequest["places"]): Effect.Effect<Entered | undefined> {
    return Effect.suspend(() => {
      const { store } = this.#surroundings
      const { outputPath, party } = this.#identity
      const path = `${outputPath}/${name}`
      const isShared = () => places === undefined && store.retraceable.own.isShared(resolve(store.output, path), party)
      // To enter it even for a look would make what others do there a change of this one's, too.
      if (isShared()) return Effect.undefined
      // Entered first: otherwise it would see the shadows of a journal that is being restored.
      const leave = this.#enter(path)
      const holds = Effect.orElseSucceed(
        store.directory(path).holdsFile(() => true),
        () => false
      )
      const entered = Effect.map(holds, (holds) => (holds || isShared() ? undefined : { name, leave }))
      return Effect.onExit(entered, (exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure" || exit.value === undefined) leave()
        })
      )
    })
  }

  /** `CLOSE_TRACE_CHUNK` (§6.16). `path` is undefined when the reply is its code alone. */
  close(request: CloseRequest): Effect.Effect<Outcome & { readonly path: string | undefined }> {
    return Effect.suspend(() => {
      const chunk = this.#surroundings.chunks.acquire(this.#identity.owner, request.chunkId)
      if (chunk === undefined) {
        const refused = abort(ReturnCode.NO_MEMORY, "CHUNK_UNKNOWN", `chunk ${request.chunkId}`)
        return Effect.succeed({ ...refused, path: undefined })
      }
      return Effect.ensuring(
        this.#closeKnown(chunk, request),
        Effect.sync(() => chunk.release())
      )
    })
  }

  #closeKnown(
    chunk: TraceChunk,
    request: CloseRequest
  ): Effect.Effect<Outcome & { readonly path: string | undefined }> {
    return Effect.gen({ self: this }, function* () {
      const { closeCommand: command } = request
      const isDelete = command === Names.closeCommand.delete
      const refused = (returnCode: number, code: Code, detail = `chunk ${request.chunkId}`) => ({
        ...abort(returnCode, code, detail),
        path: undefined
      })
      if (isDelete && !this.#surroundings.options.allowClear) {
        return refused(ReturnCode.INVALID_PROTOCOL, "CLEAR_DISALLOWED")
      }
      if (this.#pendingClosure !== undefined && this.#pendingClosure !== chunk) {
        return refused(ReturnCode.INVALID_PROTOCOL, "CHUNK_OUT_OF_ORDER")
      }
      const { current, hasRotated } = this
      if (current?.name !== undefined && current !== chunk && !current.hasOverrideName) {
        const settled = Names.settledPath(current.name, command, hasRotated)
        const failure = yield* failureOf(current.moveTo(settled))
        if (failure !== undefined) return refused(ReturnCode.UNKNOWN, "CHUNK_DIRECTORY", failure)
        this.isOngoingRotation = false
      }
      const isKept = command === undefined || command === Names.closeCommand.noOperation
      if (isKept && chunk.name !== undefined) {
        const restored = Names.restoredPath(chunk.name, hasRotated)
        const failure = yield* failureOf(chunk.moveTo(restored))
        if (failure !== undefined) return refused(ReturnCode.UNKNOWN, "CHUNK_DIRECTORY", failure)
      }
      if (command !== undefined && command > Names.closeCommand.delete) {
        return refused(ReturnCode.INVALID, "CHUNK_COMMAND", `command ${command}`)
      }
      chunk.close(request.closeTime, command)
      const { outputPath, isSnapshot } = this.#identity
      // The reference answers from the state before this close, so the first rotation names the bare session path.
      const path = Names.closeReplyPath(outputPath, chunk.name as Names.ChunkName, { hasRotated, isSnapshot })
      if (command === Names.closeCommand.moveToCompleted) this.hasRotated = true
      if (isDelete) for (const stream of this.#streams.values()) stream.model.runs.dropChunk(chunk)
      this.#dropPointers(chunk)
      return { ...accepted, path }
    })
  }

  #dropPointers(chunk: TraceChunk): void {
    if (this.current === chunk) {
      this.current = undefined
      chunk.release()
    }
    const pending = this.#pendingClosure
    this.#pendingClosure = undefined
    pending?.release()
  }

  /** `ROTATE_STREAMS` (§6.14): earlier positions stay applied when a later one is refused. */
  rotate(request: RotateRequest, streamOf: (streamId: bigint) => StreamActor | undefined): Effect.Effect<Outcome> {
    return Effect.gen({ self: this }, function* () {
      const { newChunkId } = request
      const chunk =
        newChunkId === undefined ? undefined : this.#surroundings.chunks.acquire(this.#identity.owner, newChunkId)
      if (newChunkId !== undefined && chunk === undefined) {
        return abort(ReturnCode.INVALID_PROTOCOL, "CHUNK_UNKNOWN", `chunk ${newChunkId}`)
      }
      const rotated = Effect.gen({ self: this }, function* () {
        for (const { streamId, rotateAtSeqNum } of request.positions) {
          const stream = streamOf(streamId)
          if (stream === undefined) return abort(ReturnCode.INVALID, "STREAM_UNKNOWN", `unknown stream ${streamId}`)
          chunk?.retain()
          if (!stream.rotate(rotateAtSeqNum, chunk)) {
            chunk?.release()
            return abort(ReturnCode.FILE_CREATION_ERROR, "ROTATION_REFUSED", `stream ${streamId} rotates already`)
          }
          // A rotation that is due creates files now, and its failure is the answer; one that waits is on its own.
          const failure = stream.model.isRotating ? undefined : yield* failureOf(stream.log.written)
          if (failure !== undefined) return abort(ReturnCode.FILE_CREATION_ERROR, "ROTATION_REFUSED", failure)
        }
        return accepted
      })
      return yield* Effect.ensuring(
        rotated,
        Effect.sync(() => chunk?.release())
      )
    })
  }
}

/** The numbers with which `withSuffix` makes some of the places of `path`, the earliest first. */
const suffixesOf = (path: string, places: ReadonlySet<string> = new Set()): ReadonlyArray<number> =>
  [...places].flatMap((place) => suffixOf(path, place) ?? [])

/** What went wrong; undefined when nothing did. */
const failureOf = (step: Effect.Effect<void, FileFailed>): Effect.Effect<string | undefined> =>
  Effect.match(step, { onSuccess: () => undefined, onFailure: ({ message }) => message })
