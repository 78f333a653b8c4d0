/** Commands about trace chunks and rotation (streaming.md §6.13–§6.17). */
import { Effect, Result } from "effect"
import * as CloseTraceChunk from "../../protocol/control/CloseTraceChunk.ts"
import * as CreateTraceChunk from "../../protocol/control/CreateTraceChunk.ts"
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"
import * as TraceChunkExists from "../../protocol/control/TraceChunkExists.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { fixed, type Layout } from "../../protocol/Struct.ts"
import { fileWait } from "../../relay/Patience.ts"
import type { Outcome } from "../../relay/session/SessionChunks.ts"
import { code, keep, type Reply, refuse, streamOf, withSession } from "./Command.ts"

const gone: Outcome = {
  returnCode: ReturnCode.UNKNOWN,
  refusal: { code: "SESSION_CLOSED", detail: "the session was closed meanwhile" }
}

const replyOf = ({ returnCode, refusal }: Outcome, bytes = code(returnCode)): Reply =>
  refusal === undefined ? keep(bytes) : refuse(bytes, refusal.code, refusal.detail)

export const rotateStreams = withSession(
  RotateStreams.request,
  (state, session, request) => {
    const command = session.chunks.rotate(request, (streamId) => streamOf(state, streamId))
    return Effect.map(session.ask(command, gone), (outcome) => replyOf(outcome))
  },
  true
)

/**
 * A short payload is not answered at all (§6.15). A name that cannot be decoded is refused where an unsafe one is, once
 * the current chunk has made room: it is replaced by the empty name.
 */
const nameless = fixed(CreateTraceChunk.head)
const makeRequest = (minor: number): Pick<Layout<CreateTraceChunk.Request>, "decode"> => ({
  decode: (payload) => {
    const request = CreateTraceChunk.request(minor).decode(payload)
    if (Result.isSuccess(request) || request.failure.reason !== "string") return request
    return Result.map(nameless.decode(payload), (head) => ({ ...head, overrideName: "" }))
  }
})

export const createTraceChunk = withSession(
  makeRequest,
  ({ peer }, session, { chunkId, creationTimestamp, overrideName }) => {
    const places = peer.carried?.places
    const command = session.chunks.make({ chunkId, creationTime: creationTimestamp, overrideName, places })
    return Effect.map(session.ask(command, gone), (outcome) => replyOf(outcome))
  },
  true
)

export const closeTraceChunk = withSession(
  CloseTraceChunk.request,
  (state, session, { chunkId, closeTimestamp, closeCommand }) => {
    const command = session.chunks.close({ chunkId, closeTime: closeTimestamp, closeCommand })
    const encode = CloseTraceChunk.reply(state.minor).encode
    return Effect.gen(function* () {
      const outcome = yield* session.ask(command, { ...gone, path: undefined })
      yield* Effect.timeoutOption(state.registry.chunks.settled(session.identity.owner, chunkId), fileWait)
      return replyOf(outcome, encode({ returnCode: outcome.returnCode, path: outcome.path }))
    })
  },
  true
)

export const traceChunkExists = withSession(
  TraceChunkExists.request,
  (state, session, { chunkId }) => {
    const { chunks } = state.registry
    const { owner } = session.identity
    const answer = () => {
      const exists = chunks.exists(owner, chunkId)
      return keep(TraceChunkExists.reply(state.minor).encode({ returnCode: ReturnCode.OK, exists }))
    }
    if (!chunks.isSettling(owner, chunkId)) return answer()
    return Effect.map(Effect.timeoutOption(chunks.settled(owner, chunkId), fileWait), answer)
  },
  true
)
