/**
 * Commands about the connection itself (streaming.md §3, §6.1, §6.12, §6.18): version, configuration, the session.
 */
import { Effect, Option, Result } from "effect"
import { isSafeBasePath, isSafeName, sessionPath } from "../../model/Path.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as GetConfiguration from "../../protocol/control/GetConfiguration.ts"
import * as VersionCommand from "../../protocol/control/Version.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import * as Version from "../../protocol/Version.ts"
import type { Owner } from "../../relay/session/Chunks.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import { TraceChunk } from "../../relay/TraceChunk.ts"
import { type ControlState, type Handler, keep, ok, refuse } from "./Command.ts"

export const version: Handler = (state, payload) => {
  state.hasVersion = true
  const request = VersionCommand.request(0).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, request.failure.message)
  const reply = VersionCommand.reply(0).encode(Version.own)
  // A session keeps the minor it was made with.
  if (state.session === undefined) state.minor = Version.negotiate(request.success.minor)
  if (request.success.major !== Version.own.major) return refuse(reply, `major version ${request.success.major}`)
  return keep(reply)
}

export const getConfiguration: Handler = (state, payload) => {
  const request = GetConfiguration.request(state.minor).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, request.failure.message)
  const encode = GetConfiguration.reply(state.minor).encode
  if (request.success.queryFlags !== 0n) {
    return keep(encode({ returnCode: ReturnCode.INVALID_PROTOCOL, configurationFlags: 0n }))
  }
  const configurationFlags = state.registry.options.allowClear ? 1n : 0n
  return keep(encode({ returnCode: ReturnCode.OK, configurationFlags }))
}

/** Any failure is answered with 25 and keeps the connection (§6.1). */
export const createSession: Handler = (state, payload) => {
  const encode = CreateSession.reply(state.minor).encode
  const failed = keep(encode({ sessionId: 0n, returnCode: ReturnCode.FATAL, outputPath: undefined }))
  const refused = (reason: string) => Effect.as(Effect.logWarning(`session refused: ${reason}`), failed)
  const decoded = CreateSession.request(state.minor).decode(payload)
  if (Result.isFailure(decoded)) return refused(decoded.failure.message)
  if (!state.hasVersion) return refused("no version")
  if (state.session !== undefined) return refused("the connection has one already")
  const request = decoded.success
  const made = Effect.gen(function* () {
    const session = yield* makeSession(state, request)
    if (session === undefined) {
      const { sessionName, hostname, basePath } = request
      return yield* refused(JSON.stringify({ sessionName, hostname, basePath }))
    }
    state.session = session
    session.attachControl(state.connection)
    yield* Effect.logInfo(`session ${session.identity.sessionName}#${session.id} of ${session.identity.hostname}`)
    const { outputPath } = session.identity
    return keep(encode({ sessionId: BigInt(session.id), returnCode: ReturnCode.OK, outputPath }))
  })
  // A session that is made is attached, even if the connection ends meanwhile: otherwise nobody would end it.
  return Effect.uninterruptible(made)
}

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

/** Not sent by today's peers (§6.12). */
export const startData: Handler = () => ok
