/** Commands about streams (streaming.md §6.2, §6.3, §6.5, §6.7). Packets' indexes and metadata are not among them. */
import { Effect, Result } from "effect"
import type { Incident } from "../../errors/Report.ts"
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as CloseStream from "../../protocol/control/CloseStream.ts"
import * as ResetMetadata from "../../protocol/control/ResetMetadata.ts"
import * as StreamsSent from "../../protocol/control/StreamsSent.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Identity } from "../../relay/session/Identity.ts"
import { noHandle } from "../../relay/session/NewStream.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import { admittedOr } from "./Carriage.ts"
import {
  type Answer,
  type ControlState,
  code,
  decline,
  type Handler,
  inSession,
  keep,
  ok,
  refuse,
  streamOf,
  unknownStream,
  withSession
} from "./Command.ts"

/** Peers older than 2.11 name the directories of the host and of the session with every stream. */
const mayRecordInto = ({ party, registry }: ControlState, { sessionName }: Identity, pathname: string): boolean => {
  // If output is grouped by session, the first name of the path, whatever it is, becomes the host's directory in there.
  const isBySession = registry.options.grouping === "session"
  const [hostname = "", ...rest] = pathname.split("/").filter((name) => name !== "" && (isBySession || name !== "."))
  if (!party.mayRecord({ hostname, sessionName })) return false
  return isBySession || party.mayRecordInto(hostname, rest.join("/"))
}

const notPermitted = ({ party, peerName }: ControlState, { identity }: SessionActor, pathname: string): Incident => {
  const shown = JSON.stringify({ sessionName: identity.sessionName, pathname })
  return { code: "SESSION_NOT_PERMITTED", detail: `${peerName}, ${party.principals}: ${shown}` }
}

/** A malformed request ends the connection with a reply; every other refusal keeps it (§6.2). */
export const addStream: Handler = (state, payload) => inSession(state, (session) => addTo(session, state, payload))

const addTo = (session: SessionActor, state: ControlState, payload: Uint8Array): Answer => {
  const encode = AddStream.reply(state.minor).encode
  const request = AddStream.request(session.identity.minor).decode(payload)
  if (Result.isFailure(request)) {
    const malformed = encode({ handle: noHandle, returnCode: ReturnCode.UNKNOWN })
    return refuse(malformed, "STREAM_MALFORMED", request.failure.message)
  }
  const { channelName, pathname, tracefileSize, tracefileCount } = request.success
  const refused = (refusal: Incident) => decline(encode({ handle: noHandle, returnCode: ReturnCode.UNKNOWN }), refusal)
  const add = Effect.suspend(() => {
    const command = session.addStream({
      channelName,
      pathname,
      tracefileSize,
      tracefileCount,
      connectionMinor: state.minor,
      account: state.account
    })
    const late = { handle: noHandle, refusal: { code: "STREAM_LATE", detail: pathname } } as const
    return Effect.map(session.ask(command, late), ({ handle, refusal }) =>
      refusal === undefined
        ? keep(encode({ handle, returnCode: ReturnCode.OK }))
        : decline(encode({ handle, returnCode: ReturnCode.UNKNOWN }), refusal)
    )
  })
  const { peer } = state
  if (session.identity.hasChunks || peer.carried?.isReplayed === true) return add
  const asked = Effect.suspend(() =>
    mayRecordInto(state, session.identity, pathname) ? Effect.void : Effect.fail(notPermitted(state, session, pathname))
  )
  return Effect.matchEffect(admittedOr(peer, asked), {
    onFailure: (incident) => Effect.succeed(refused(incident)),
    onSuccess: () => add
  })
}

export const streamsSent = withSession(StreamsSent.request, (_, session) => {
  session.publishStreams()
  return ok
})

/** Not for live sessions. Whatever is wrong, the answer is 11 (§6.5). */
export const resetMetadata = withSession(ResetMetadata.request, (state, session, { streamId }) => {
  const refused = (reason: string) => refuse(code(ReturnCode.UNKNOWN), "METADATA_REFUSED", reason)
  const stream = streamOf(state, streamId)
  if (session.identity.liveTimer !== 0) return refused("live session")
  if (stream === undefined) return unknownStream(state, code(ReturnCode.UNKNOWN), streamId)
  return Effect.match(stream.resetMetadata, {
    onSuccess: (isReset) => (isReset ? ok : refused(`stream ${streamId} is not metadata`)),
    onFailure: (failure) => refused(failure.message)
  })
})

export const closeStream = withSession(CloseStream.request, (state, _, { streamId, lastNetSeqNum }) => {
  const stream = streamOf(state, streamId)
  if (stream === undefined) return unknownStream(state, code(ReturnCode.UNKNOWN), streamId)
  stream.model.lastNetSeqNum = lastNetSeqNum
  stream.session.closeStream(stream.handle)
  return ok
})
