/**
 * What each viewer command does (live.md §6 to §9): decodes the request, asks the viewer actor, encodes its answer.
 *
 * An answer that waits for nothing is returned as bytes in the turn that reads the request; they are either its own or
 * lent from `memory/RecentPackets`. One that waits, for a file or another actor, is returned as `Work` for the
 * connection's fiber.
 */
import { Effect, Result } from "effect"
import type { Lent } from "../memory/RecentPackets.ts"
import * as AttachSession from "../protocol/live/AttachSession.ts"
import * as Connect from "../protocol/live/Connect.ts"
import * as CreateSession from "../protocol/live/CreateSession.ts"
import * as DetachSession from "../protocol/live/DetachSession.ts"
import * as GetMetadata from "../protocol/live/GetMetadata.ts"
import * as GetNewStreams from "../protocol/live/GetNewStreams.ts"
import * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import * as GetPacket from "../protocol/live/GetPacket.ts"
import * as ListSessions from "../protocol/live/ListSessions.ts"
import { unknownCommand } from "../protocol/live/StatusReply.ts"
import { type Layout, u64At } from "../protocol/Struct.ts"
import * as Version from "../protocol/Version.ts"
import type { ViewerActor } from "../relay/viewer/ViewerActor.ts"
import { isMissing, type ViewerStream } from "../relay/viewer/ViewerStream.ts"

/** What a viewer connection has learnt so far. */
export interface LiveState {
  readonly viewer: ViewerActor
  minor: number
  isConnected: boolean
}

/**
 * Sends bytes to the viewer. They are handed to the socket during the call, so `sent` is called even if the caller's
 * fiber is interrupted; the effect ends when the viewer can take more. `bytes` must not change until `sent` is called.
 */
export type Send = (bytes: Uint8Array, sent?: () => void) => Effect.Effect<void>

/** The answer after which the connection ends; `bytes` are sent first, if there are any. */
export class Ending {
  readonly bytes: Uint8Array | undefined
  readonly reason: string

  constructor(reason: string, bytes?: Uint8Array) {
    this.reason = reason
    this.bytes = bytes
  }
}

/** An answer that takes time: it sends itself, and returns an ending if the connection cannot go on. */
export class Work {
  readonly run: (send: Send) => Effect.Effect<Ending | undefined>

  constructor(run: (send: Send) => Effect.Effect<Ending | undefined>) {
    this.run = run
  }
}

export type Answer = Uint8Array | Lent | Work | Ending

type Handler = (state: LiveState, bytes: Buffer, at: number) => Answer

/** Stands for a name in the newer listing, where viewers insist on one: sessions of very old peers have none. */
const nameless = "unknown"

export const answer = (state: LiveState, command: number, bytes: Buffer, at: number): Answer => {
  if (!state.isConnected && command !== Connect.number) return new Ending("it must begin with CONNECT")
  const handler = handlers.get(command)
  if (handler !== undefined) return handler(state, bytes, at)
  return new Ending("there is no such command", CreateSession.reply(state.minor).encode({ status: unknownCommand }))
}

/** Calls `handle` with the payload as a value. All its bytes are there: the framer has counted them. */
const withRequest =
  <A>(
    command: { readonly requestSize: number; readonly request: (minor: number) => Layout<A> },
    handle: (state: LiveState, request: A) => Answer
  ): Handler =>
  (state, bytes, at) => {
    const request = command.request(state.minor).decode(bytes.subarray(at, at + command.requestSize))
    return Result.isFailure(request) ? new Ending(request.failure.message) : handle(state, request.success)
  }

// ---- sessions ------------------------------------------------------------------------------------------------------

const connect = withRequest(Connect, (state, { major, minor, type }) => {
  if (major !== Version.own.major) return new Ending(`major version ${major}`)
  const { command, notification } = Connect.ConnectionType
  if (type !== command && type !== notification) return new Ending(`connection type ${type}`)
  state.isConnected = true
  state.minor = Version.negotiate(minor)
  state.viewer.knowsFormats = Version.features(state.minor).liveListing15
  const viewerSessionId = type === command ? state.viewer.nextId() : 0n
  return Connect.reply(state.minor).encode({ ...Version.own, viewerSessionId, type: 0 })
})

const listSessions: Handler = ({ viewer, minor }) =>
  viewer.listing(minor, (sessions) => {
    const named = Version.features(minor).liveListing15
      ? sessions.map((session) => ({
          ...session,
          hostname: session.hostname || nameless,
          sessionName: session.sessionName || nameless
        }))
      : sessions
    return ListSessions.reply(minor).encode({ sessions: named })
  })

const createSession: Handler = ({ viewer, minor }) => {
  viewer.createSession()
  return CreateSession.reply(minor).encode({ status: CreateSession.Status.ok })
}

const attachSession = withRequest(AttachSession, ({ viewer, minor }, { offset, sessionId, seek }) => {
  const goesByEvents = offset === AttachSession.byEvents
  const { encode } = AttachSession.reply(minor)
  return new Work((send) =>
    Effect.flatMap(viewer.attach(sessionId, seek, goesByEvents), (reply) => Effect.as(send(encode(reply)), undefined))
  )
})

const getNewStreams = withRequest(GetNewStreams, ({ viewer, minor }, { sessionId }) =>
  GetNewStreams.reply(minor).encode(viewer.newStreams(sessionId))
)

const detachSession = withRequest(DetachSession, ({ viewer, minor }, { sessionId }) =>
  DetachSession.reply(minor).encode({ status: viewer.detach(sessionId) })
)

// ---- indexes and packets: at the rate of packets, without objects --------------------------------------------------

const getNextIndex: Handler = ({ viewer }, bytes, at) => {
  const reply = Buffer.alloc(GetNextIndex.replySize)
  const stream = viewer.stream(u64At(bytes, at))
  if (stream === undefined) {
    reply.writeUInt32BE(GetNextIndex.Status.error, GetNextIndex.offsets.status)
    return reply
  }
  const status = viewer.nextIndex(stream, reply)
  if (typeof status === "number") return finishIndex(viewer, stream, status, reply)
  return new Work((send) =>
    Effect.flatMap(status, (found) => Effect.as(send(finishIndex(viewer, stream, found, reply)), undefined))
  )
}

const finishIndex = (viewer: ViewerActor, stream: ViewerStream, status: number, reply: Buffer): Buffer => {
  const { offsets, Status } = GetNextIndex
  const { ctfStreamId } = stream.stream.model
  if (status !== Status.ok) reply.fill(0)
  if (status === Status.inactive) {
    reply.writeBigUInt64BE(stream.cursor.inactiveUntil ?? 0n, offsets.timestampEnd)
    reply.writeBigUInt64BE(ctfStreamId ?? 0n, offsets.streamId)
  }
  reply.writeUInt32BE(status, offsets.status)
  reply.writeUInt32BE(viewer.flagsOf(stream, status), offsets.flags)
  if (status === Status.hup && !stream.stream.isMetadata) viewer.drop(stream)
  return reply
}

const headBytes = GetPacket.replyHeadSize
/** The reply's length field counts the packet's bytes, and the reference adds its header to that. */
const packetBytesMax = 0xffff_ffff - headBytes

const packetHead = (into: Buffer, status: number, byteCount: number): Buffer => {
  into.writeUInt32BE(status, 0)
  into.writeUInt32BE(byteCount, 4)
  into.writeUInt32BE(0, 8)
  return into
}
const packetError = () => packetHead(Buffer.allocUnsafe(headBytes), GetPacket.Status.error, 0)

const getPacket: Handler = ({ viewer }, bytes, at) => {
  const stream = viewer.stream(u64At(bytes, at))
  const from = u64At(bytes, at + 8)
  const byteCount = bytes.readUInt32BE(at + 16)
  const { ok } = GetPacket.Status
  if (stream === undefined || byteCount > packetBytesMax || !stream.hasFile) return packetError()
  if (!Number.isSafeInteger(from + byteCount)) return packetError()
  if (byteCount === 0) return packetHead(Buffer.allocUnsafe(headBytes), ok, 0)
  const head = packetHead(Buffer.allocUnsafe(headBytes), ok, byteCount)
  const range = { from, byteCount }
  return stream.packetInMemory(range, head) ?? sending((take) => stream.sendPacket(range, head, take), packetError)
}

/** Sends pieces as they are read. A failure before the first is an answer; a later one can only end the connection. */
const sending = <E extends { readonly message: string }>(
  pieces: (send: Send) => Effect.Effect<void, E>,
  onFailure: (failure: E) => Uint8Array
): Work =>
  new Work((send) => {
    let isStarted = false
    const take: Send = (piece, sent) => {
      isStarted = true
      return send(piece, sent)
    }
    return Effect.matchEffect(pieces(take), {
      onSuccess: () => Effect.succeed(undefined),
      onFailure: (failure) =>
        isStarted
          ? Effect.succeed(new Ending(`trace file: ${failure.message}`))
          : Effect.as(send(onFailure(failure)), undefined)
    })
  })

// ---- metadata ------------------------------------------------------------------------------------------------------

const metadataHead = (status: number, byteCount: number): Buffer => {
  const head = Buffer.allocUnsafe(GetMetadata.replyHeadSize)
  head.writeBigUInt64BE(BigInt(byteCount), 0)
  head.writeUInt32BE(status, 8)
  return head
}

const getMetadata: Handler = ({ viewer }, bytes, at) => {
  const { Status } = GetMetadata
  const stream = viewer.stream(u64At(bytes, at))
  if (stream === undefined || !stream.stream.isMetadata) return metadataHead(Status.error, 0)
  const metadata = stream.nextMetadata
  const nothing = () => {
    // "No new" is said once; then the stream's number is unknown, so that a viewer that asks again learns of the end.
    if (stream.isOver) viewer.drop(stream)
    return metadataHead(Status.noNew, 0)
  }
  if (metadata === undefined) return nothing()
  const announced = metadataHead(Status.ok, metadata.head.length + metadata.byteCount)
  const head = Buffer.concat([announced, metadata.head])
  return sending(
    (take) => stream.sendMetadata(metadata, head, take),
    // "OK" without bytes asks the viewer to come again.
    (failure) => (isMissing(failure) ? nothing() : metadataHead(failure.code === "short" ? Status.ok : Status.error, 0))
  )
}

// --------------------------------------------------------------------------------------------------------------------

const handlers: ReadonlyMap<number, Handler> = new Map([
  [Connect.number, connect],
  [ListSessions.number, listSessions],
  [AttachSession.number, attachSession],
  [GetNextIndex.number, getNextIndex],
  [GetPacket.number, getPacket],
  [GetMetadata.number, getMetadata],
  [GetNewStreams.number, getNewStreams],
  [CreateSession.number, createSession],
  [DetachSession.number, detachSession]
])
