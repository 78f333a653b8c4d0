/**
 * CREATE_SESSION (streaming.md §6.1): whether the session is admitted, its directory, and the chunk that it joins.
 *
 * Every failure is answered with 25, after which the reference keeps the connection. From minor 11 on real peers then
 * read a path of zero bytes, for ever: the session daemon is frozen, and with it every `lttng` command of its host. So
 * the connection of a peer that says nothing more is ended, which real peers take for the failure that it is.
 */
import { Effect, Result } from "effect"
import { type Incident, said } from "../../errors/Report.ts"
import { wallMillis } from "../../Machine.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import * as Version from "../../protocol/Version.ts"
import { namesRefusal, outputPath as outputPathOf } from "../../relay/party/Admission.ts"
import { keyOf, type Owner } from "../../relay/session/Chunks.ts"
import type { HeldSession } from "../../relay/session/Identity.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import { TraceChunk } from "../../relay/TraceChunk.ts"
import { admittedOr } from "./Carriage.ts"
import { type ControlState, decline, type Handler, keep, type Reply } from "./Command.ts"

export const createSession: Handler = (state, payload) => {
  const encode = CreateSession.reply(state.minor).encode
  const after = Version.features(state.minor).dynamicLayouts ? "linger" : "keep"
  const refused = (refusal: Incident): Reply =>
    decline(encode({ sessionId: 0n, returnCode: ReturnCode.FATAL, outputPath: undefined }), refusal, after)
  const decoded = CreateSession.request(state.minor).decode(payload)
  if (Result.isFailure(decoded)) return refused({ code: "SESSION_MALFORMED", detail: decoded.failure.message })
  if (!state.hasVersion) return refused({ code: "SESSION_UNVERSIONED", detail: "no version" })
  if (state.session !== undefined) return refused({ code: "SESSION_TWICE", detail: state.session.label })
  const made = Effect.gen(function* () {
    const session = yield* makeSession(state, decoded.success)
    state.session = session
    session.attachControl(state.connection)
    const { hostname, outputPath, sessionName } = session.identity
    yield* said(Effect.logInfo(`session ${sessionName}#${session.id} of ${hostname}`))
    return keep(encode({ sessionId: BigInt(session.id), returnCode: ReturnCode.OK, outputPath }))
  })
  // Once a session is made it is attached, even if the connection ends meanwhile: otherwise nobody would end it.
  return Effect.uninterruptible(Effect.catch(made, (refusal) => Effect.succeed(refused(refusal))))
}

/** A disk that hangs must not keep a target waiting: after this time the bytes known so far count. */
const diskLookMillis = 500

/**
 * Names are checked before an id is spent. An admitted session is counted in the same step: otherwise another that asks
 * in between would be let in although the quota is used up.
 */
const admit = (
  { minor, party, peer, peerName, registry }: ControlState,
  { basePath, hostname, sessionName }: CreateSession.Request
): Effect.Effect<HeldSession, Incident> =>
  Effect.gen(function* () {
    const isReplayed = peer.carried?.isReplayed === true
    if (!isReplayed && party.isDiskDue) yield* Effect.timeoutOption(party.diskRefusal, diskLookMillis)
    const application = {
      sessionName,
      hostname,
      basePath,
      peer: peerName,
      party,
      isCarried: peer.carried !== undefined,
      isNamed: Version.features(minor).sessionInfo
    }
    // A journal's history also has the sessions that were refused.
    const refusal = isReplayed ? namesRefusal(application) : registry.admission.refusalOf(application)
    return refusal === undefined ? party.holdSession() : yield* Effect.fail(refusal)
  })

const makeSession = (state: ControlState, request: CreateSession.Request): Effect.Effect<SessionActor, Incident> =>
  Effect.gen(function* () {
    const { minor, peer, registry } = state
    const held = yield* admittedOr(peer, admit(state, request))
    return yield* Effect.tapCause(admitted({ registry, minor, request, held, peer }), () => Effect.sync(held.release))
  })

interface Admitted {
  readonly registry: ControlState["registry"]
  readonly minor: number
  readonly request: CreateSession.Request
  readonly held: HeldSession
  readonly peer: ControlState["peer"]
}

const admitted = ({ held, minor, peer, registry, request }: Admitted): Effect.Effect<SessionActor, Incident> =>
  Effect.gen(function* () {
    const features = Version.features(minor)
    const { carried } = peer
    const id = registry.nextSessionId()
    // A session that is repeated from a journal's history keeps the time that it had.
    const creationTime = request.creationTime ?? BigInt(carried?.begunAt ?? Math.floor(wallMillis() / 1000))
    const isRuled = registry.permissions.rightsOf !== undefined
    const owner = { ...ownerOf(request, id, isRuled), journal: carried?.journal }
    const chunk = firstChunk(registry, owner, request.currentChunkId, features.chunks)
    if (chunk === undefined && request.currentChunkId !== undefined) {
      return yield* Effect.fail({ code: "SESSION_CHUNK_UNKNOWN", detail: `chunk ${request.currentChunkId}` } as const)
    }
    const placed = Effect.flatMap(outputPathOf({ ...request, creationTime }, registry.options.grouping), (path) =>
      registry.directories.take(path, owner, {
        isCarried: carried !== undefined,
        isSnapshot: request.snapshot,
        places: carried?.places
      })
    )
    const outputPath = features.chunks ? yield* Effect.tapCause(placed, () => Effect.sync(() => chunk?.release())) : ""
    if (features.chunks) held.records(outputPath)
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
      party: carried?.journal ?? keyOf(owner),
      hasIndex: features.index && !request.snapshot,
      hasChunks: features.chunks,
      chunk,
      held
    })
  })

/** Sessions of one owner share chunks and directories: where access rules hold, they must be of the same names, too. */
const ownerOf = (request: CreateSession.Request, id: number, isRuled: boolean): Owner => {
  const { hostname, sessionId = BigInt(id), sessionName, sessiondUuid = "" } = request
  const names = isRuled ? JSON.stringify([hostname, sessionName]) : ""
  return { sessiondUuid, sessionKey: sessionId, names }
}

/** The chunk a second consumer joins, or the anonymous one of a peer older than 2.11. */
const firstChunk = (
  registry: ControlState["registry"],
  owner: Owner,
  currentChunkId: bigint | undefined,
  hasChunks: boolean
): TraceChunk | undefined => {
  if (currentChunkId !== undefined) return registry.chunks.acquire(owner, currentChunkId)
  if (hasChunks) return undefined
  const directory = registry.store.directory("")
  return new TraceChunk({ directory, sessionPath: "", name: undefined, path: "", onUnused: () => {} })
}
