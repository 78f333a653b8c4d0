/**
 * What each control command does (streaming.md §3, §6). Bytes are the protocol's, decisions the session's: here they
 * are brought together, with the reply and the disposition of every outcome.
 */
import { Effect, Option, Result } from "effect"
import type { Account } from "../memory/Blocks.ts"
import { isSafeBasePath, isSafeName, sessionPath } from "../model/Path.ts"
import * as AddStream from "../protocol/control/AddStream.ts"
import * as BeginDataPending from "../protocol/control/BeginDataPending.ts"
import * as CloseStream from "../protocol/control/CloseStream.ts"
import * as CloseTraceChunk from "../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../protocol/control/CreateSession.ts"
import * as CreateTraceChunk from "../protocol/control/CreateTraceChunk.ts"
import * as DataPending from "../protocol/control/DataPending.ts"
import * as EndDataPending from "../protocol/control/EndDataPending.ts"
import * as GetConfiguration from "../protocol/control/GetConfiguration.ts"
import * as QuiescentControl from "../protocol/control/QuiescentControl.ts"
import * as ResetMetadata from "../protocol/control/ResetMetadata.ts"
import * as RotateStreams from "../protocol/control/RotateStreams.ts"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import * as StartData from "../protocol/control/StartData.ts"
import * as StreamsSent from "../protocol/control/StreamsSent.ts"
import * as TraceChunkExists from "../protocol/control/TraceChunkExists.ts"
import * as VersionCommand from "../protocol/control/Version.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import type { Layout } from "../protocol/Struct.ts"
import * as Version from "../protocol/Version.ts"
import type { Owner } from "../relay/Chunks.ts"
import type { Registry } from "../relay/Registry.ts"
import type { Connection, SessionActor } from "../relay/SessionActor.ts"
import type { StreamActor } from "../relay/StreamActor.ts"
import { TraceChunk } from "../relay/TraceChunk.ts"

/** What a control connection has learnt so far. */
export interface ControlState {
  readonly registry: Registry["Service"]
  readonly account: Account
  readonly connection: Connection
  minor: number
  hasVersion: boolean
  session: SessionActor | undefined
}

export interface Reply {
  readonly bytes: Uint8Array | undefined
  /** The connection ends after the reply, and the session with it. */
  readonly isAbort: boolean
  /** For the log. */
  readonly reason?: string
}

export const makeState = (registry: Registry["Service"], account: Account, connection: Connection): ControlState => ({
  registry,
  account,
  connection,
  // What counts for a peer that never said: the oldest layouts.
  minor: 0,
  hasVersion: false,
  session: undefined
})

const keep = (bytes: Uint8Array): Reply => ({ bytes, isAbort: false })
const refuse = (bytes: Uint8Array | undefined, reason: string): Reply => ({ bytes, isAbort: true, reason })

const code = (returnCode: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(returnCode)
  return bytes
}
const ok = keep(code(ReturnCode.OK))

/**
 * How long an answer about data may wait for the disk before it says "pending". A disk that keeps up answers at once;
 * the peer asks again every 200 ms.
 */
const fileWait = "100 millis"

/** Most a fixed-size command can use of its payload: the longest is `CREATE_SESSION` with all its names. */
const payloadBytesMax = 16 * 1024
/** 65,535 streams rotate in one command; more than a relay can hold open. */
const rotatePayloadBytesMax = 1024 * 1024

/** Payload beyond this is read and forgotten: it could only be surplus. */
export const payloadBytesMaxOf = (command: number): number => {
  if (command === SendIndex.number) return SendIndex.size(Version.own.minor)
  return command === RotateStreams.number ? rotatePayloadBytesMax : payloadBytesMax
}

type Handler = (state: ControlState, payload: Uint8Array) => Effect.Effect<Reply>

/** Runs one command and answers what goes back to the peer. */
export const run = (state: ControlState, command: number, payload: Uint8Array): Effect.Effect<Reply> => {
  const handler = handlers.get(command)
  if (handler === undefined) return Effect.succeed(refuse(code(ReturnCode.UNKNOWN), `unknown command ${command}`))
  return handler(state, payload)
}

const sync =
  (handle: (state: ControlState, payload: Uint8Array) => Reply): Handler =>
  (state, payload) =>
    Effect.sync(() => handle(state, payload))

/** Preconditions first, then the payload; either unmet ends the connection without a word. */
const withSession =
  <A>(
    layout: (minor: number) => Layout<A>,
    handle: (state: ControlState, session: SessionActor, request: A) => Effect.Effect<Reply>,
    needsChunks = false
  ): Handler =>
  (state, payload) => {
    const { session } = state
    if (session === undefined || !state.hasVersion) return Effect.succeed(refuse(undefined, "no session or no version"))
    if (needsChunks && !session.identity.hasChunks) return Effect.succeed(refuse(undefined, "needs minor 11"))
    const request = layout(state.minor).decode(payload)
    if (Result.isFailure(request)) return Effect.succeed(refuse(undefined, request.failure.message))
    return handle(state, session, request.success)
  }

const streamOf = (state: ControlState, handle: bigint): StreamActor | undefined =>
  state.registry.streams.get(Number(handle))

// ---- connection ----------------------------------------------------------------------------------------------------

const version = sync((state, payload) => {
  state.hasVersion = true
  const request = VersionCommand.request(0).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, request.failure.message)
  const reply = VersionCommand.reply(0).encode(Version.own)
  // A session keeps the minor it was made with.
  if (state.session === undefined) state.minor = Version.negotiate(request.success.minor)
  if (request.success.major !== Version.own.major) return refuse(reply, `major version ${request.success.major}`)
  return keep(reply)
})

const getConfiguration = sync((state, payload) => {
  const request = GetConfiguration.request(state.minor).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, request.failure.message)
  const encode = GetConfiguration.reply(state.minor).encode
  if (request.success.queryFlags !== 0n) {
    return keep(encode({ returnCode: ReturnCode.INVALID_PROTOCOL, configurationFlags: 0n }))
  }
  const configurationFlags = state.registry.options.allowClear ? 1n : 0n
  return keep(encode({ returnCode: ReturnCode.OK, configurationFlags }))
})

/** Any failure is answered with 25 and keeps the connection (§6.1). */
const createSession: Handler = (state, payload) =>
  Effect.gen(function* () {
    const encode = CreateSession.reply(state.minor).encode
    const failed = keep(encode({ sessionId: 0n, returnCode: ReturnCode.FATAL, outputPath: undefined }))
    const request = CreateSession.request(state.minor).decode(payload)
    if (Result.isFailure(request) || state.session !== undefined || !state.hasVersion) {
      const otherwise = state.hasVersion ? "the connection has one already" : "no version"
      yield* Effect.logWarning(`session refused: ${Result.isFailure(request) ? request.failure.message : otherwise}`)
      return failed
    }
    const session = yield* makeSession(state, request.success)
    if (session === undefined) {
      yield* Effect.logWarning(
        `session refused: name ${JSON.stringify(request.success.sessionName)}, ` +
          `host ${JSON.stringify(request.success.hostname)}, base path ${JSON.stringify(request.success.basePath)}`
      )
      return failed
    }
    state.session = session
    session.attachControl(state.connection)
    yield* Effect.logInfo(`session ${session.identity.sessionName}#${session.id} of ${session.identity.hostname}`)
    const { outputPath } = session.identity
    return keep(encode({ sessionId: BigInt(session.id), returnCode: ReturnCode.OK, outputPath }))
  })

/** Undefined: refused. Names are checked before an id is spent. */
const makeSession = (state: ControlState, request: CreateSession.Request): Effect.Effect<SessionActor | undefined> =>
  Effect.gen(function* () {
    const { registry, minor } = state
    const features = Version.features(minor)
    const isNamed = features.sessionInfo
    if (isNamed && !(isSafeName(request.sessionName) && isSafeName(request.hostname))) return undefined
    if (!isSafeBasePath(request.basePath)) return undefined
    const id = registry.nextSessionId()
    const creationTime = request.creationTime ?? BigInt(Math.floor(Date.now() / 1000))
    const outputPath = features.chunks ? sessionPath({ ...request, creationTime }, registry.options.grouping) : ""
    if (outputPath === undefined) return undefined
    const owner: Owner = { sessiondUuid: request.sessiondUuid ?? "", sessionKey: request.sessionId ?? BigInt(id) }
    const chunk = firstChunk(state, owner, request.currentChunkId, features.chunks)
    if (chunk === undefined && request.currentChunkId !== undefined) return undefined
    if (features.chunks && chunk === undefined) {
      const failure = yield* Effect.flip(Effect.asVoid(registry.store.directory(outputPath).make)).pipe(Effect.option)
      if (Option.isSome(failure)) {
        yield* Effect.logError("session directory could not be made", failure.value.message)
        return undefined
      }
    }
    return yield* registry.add({
      id,
      minor,
      sessionName: request.sessionName,
      hostname: request.hostname,
      outputPath,
      liveTimer: request.liveTimer,
      isSnapshot: request.snapshot,
      traceFormat: request.traceFormat,
      creationTime,
      owner,
      hasIndex: features.index && !request.snapshot,
      hasChunks: features.chunks,
      chunk
    })
  })

/** The chunk a second consumer joins, or the anonymous one of a peer older than 2.11. */
const firstChunk = (
  state: ControlState,
  owner: Owner,
  currentChunkId: bigint | undefined,
  hasChunks: boolean
): TraceChunk | undefined => {
  if (currentChunkId !== undefined) return state.registry.chunks.acquire(owner, currentChunkId)
  if (hasChunks) return undefined
  const directory = state.registry.store.directory("")
  return new TraceChunk({ directory, sessionPath: "", name: undefined, path: "", onUnused: () => {} })
}

// ---- streams -------------------------------------------------------------------------------------------------------

/** A malformed request ends the connection with a reply; every other refusal keeps it (§6.2). */
const addStream: Handler = (state, payload) => {
  const { session } = state
  if (session === undefined || !state.hasVersion) return Effect.succeed(refuse(undefined, "no session or no version"))
  const encode = AddStream.reply(state.minor).encode
  const refused = { handle: 0xffff_ffff_ffff_ffffn, returnCode: ReturnCode.UNKNOWN }
  const request = AddStream.request(session.identity.minor).decode(payload)
  if (Result.isFailure(request)) return Effect.succeed(refuse(encode(refused), request.failure.message))
  const { channelName, pathname, tracefileSize, tracefileCount } = request.success
  const command = session.addStream({
    channelName,
    pathname,
    tracefileSize,
    tracefileCount,
    connectionMinor: state.minor,
    account: state.account
  })
  return Effect.gen(function* () {
    const result = yield* session.ask(command, refused)
    if (result.returnCode !== ReturnCode.OK) {
      yield* Effect.logWarning(`stream refused: ${JSON.stringify(pathname)}/${JSON.stringify(channelName)}`)
    }
    return keep(encode(result))
  })
}

const streamsSent = withSession(StreamsSent.request, (_, session) =>
  Effect.sync(() => {
    session.publishStreams()
    return ok
  })
)

/** Not for live sessions; anything wrong is 11 (§6.5). */
const resetMetadata = withSession(ResetMetadata.request, (state, session, { streamId }) => {
  const refused = (reason: string) => refuse(code(ReturnCode.UNKNOWN), reason)
  const stream = streamOf(state, streamId)
  if (session.identity.liveTimer !== 0) return Effect.succeed(refused("live session"))
  if (stream === undefined) return Effect.succeed(refused(`unknown stream ${streamId}`))
  return Effect.match(stream.resetMetadata, {
    onSuccess: (isReset) => (isReset ? ok : refused(`stream ${streamId} is not metadata`)),
    onFailure: (failure) => refused(failure.message)
  })
})

const closeStream = withSession(CloseStream.request, (state, _, { streamId, lastNetSeqNum }) =>
  Effect.sync(() => {
    const stream = streamOf(state, streamId)
    if (stream === undefined) return refuse(code(ReturnCode.UNKNOWN), `unknown stream ${streamId}`)
    stream.model.lastNetSeqNum = lastNetSeqNum
    stream.session.closeStream(stream)
    return ok
  })
)

// ---- data pending --------------------------------------------------------------------------------------------------

const pending = keep(code(1))
const notPending = keep(code(0))

/** The bytes are in the files before the answer is "not pending" (§6.8). */
const dataPending = withSession(DataPending.request, (state, _, { streamId, lastNetSeqNum }) =>
  Effect.gen(function* () {
    const stream = streamOf(state, streamId)
    if (stream === undefined) return refuse(code(0xffff_ffff), `unknown stream ${streamId}`)
    stream.model.pendingCheckDone = true
    if (stream.isDataPending(lastNetSeqNum)) return pending
    if (!stream.isFilePending(lastNetSeqNum)) return notPending
    yield* Effect.timeoutOption(Effect.ignore(stream.log.synced), fileWait)
    return stream.isFilePending(lastNetSeqNum) ? pending : notPending
  })
)

const quiescentControl = withSession(QuiescentControl.request, (state, _, { streamId }) =>
  Effect.gen(function* () {
    const stream = streamOf(state, streamId)
    if (stream === undefined) return ok
    stream.model.pendingCheckDone = true
    yield* Effect.timeoutOption(Effect.ignore(stream.log.synced), fileWait)
    return ok
  })
)

const beginDataPending = withSession(BeginDataPending.request, (state, _, { sessionId }) =>
  Effect.sync(() => {
    const session = state.registry.sessions.get(Number(sessionId))
    for (const stream of session?.streams.values() ?? []) stream.model.pendingCheckDone = false
    return ok
  })
)

/** 1 while an open stream was not asked about, or the files of a closed one are not complete (§6.11). */
const endDataPending = withSession(EndDataPending.request, (state, _, { sessionId }) =>
  Effect.gen(function* () {
    const session = state.registry.sessions.get(Number(sessionId))
    if (session === undefined) return notPending
    for (const stream of session.streams.values()) if (!stream.model.pendingCheckDone) return pending
    return Option.isSome(yield* Effect.timeoutOption(session.completed, fileWait)) ? notPending : pending
  })
)

// ---- trace chunks --------------------------------------------------------------------------------------------------

const gone = { returnCode: ReturnCode.UNKNOWN, isAbort: true }

const rotateStreams = withSession(
  RotateStreams.request,
  (_, session, request) =>
    Effect.map(session.ask(session.rotateStreams(request), gone), ({ returnCode, isAbort }) =>
      isAbort ? refuse(code(returnCode), `code ${returnCode}`) : ok
    ),
  true
)

/** A bad override name is answered with 97, a short payload not at all (§6.15). */
const createTraceChunk: Handler = (state, payload) => {
  const { session } = state
  const request = CreateTraceChunk.request(state.minor).decode(payload)
  const isAllowed = session?.identity.hasChunks === true && state.hasVersion
  if (Result.isFailure(request) && request.failure.reason === "string" && isAllowed) {
    session.isOngoingRotation = true
    return Effect.succeed(refuse(code(ReturnCode.INVALID), request.failure.message))
  }
  return makeChunk(state, payload)
}

const makeChunk = withSession(
  CreateTraceChunk.request,
  (_, session, { chunkId, creationTimestamp, overrideName }) => {
    const command = session.makeTraceChunk({ chunkId, creationTime: creationTimestamp, overrideName })
    return Effect.map(session.ask(command, gone), ({ returnCode, isAbort }) =>
      isAbort ? refuse(code(returnCode), `code ${returnCode}`) : ok
    )
  },
  true
)

const closeTraceChunk = withSession(
  CloseTraceChunk.request,
  (state, session, { chunkId, closeTimestamp, closeCommand }) => {
    const command = session.closeTraceChunk({ chunkId, closeTime: closeTimestamp, closeCommand })
    const encode = CloseTraceChunk.reply(state.minor).encode
    return Effect.gen(function* () {
      const { returnCode, isAbort, path } = yield* session.ask(command, { ...gone, path: undefined })
      yield* Effect.timeoutOption(state.registry.chunks.settled(session.identity.owner, chunkId), fileWait)
      const bytes = encode({ returnCode, path })
      return isAbort ? refuse(bytes, `code ${returnCode}`) : keep(bytes)
    })
  },
  true
)

const traceChunkExists = withSession(
  TraceChunkExists.request,
  (state, session, { chunkId }) =>
    Effect.gen(function* () {
      yield* Effect.timeoutOption(state.registry.chunks.settled(session.identity.owner, chunkId), fileWait)
      const exists = state.registry.chunks.exists(session.identity.owner, chunkId)
      return keep(TraceChunkExists.reply(state.minor).encode({ returnCode: ReturnCode.OK, exists }))
    }),
  true
)

// ---- the table -----------------------------------------------------------------------------------------------------

/** Everything but `SEND_INDEX` and `SEND_METADATA`, which the connection does while reading. */
const handlers: ReadonlyMap<number, Handler> = new Map([
  [VersionCommand.number, version],
  [GetConfiguration.number, getConfiguration],
  [CreateSession.number, createSession],
  [AddStream.number, addStream],
  [StreamsSent.number, streamsSent],
  [StartData.number, sync(() => ok)],
  [ResetMetadata.number, resetMetadata],
  [CloseStream.number, closeStream],
  [DataPending.number, dataPending],
  [QuiescentControl.number, quiescentControl],
  [BeginDataPending.number, beginDataPending],
  [EndDataPending.number, endDataPending],
  [RotateStreams.number, rotateStreams],
  [CreateTraceChunk.number, createTraceChunk],
  [CloseTraceChunk.number, closeTraceChunk],
  [TraceChunkExists.number, traceChunkExists]
])
