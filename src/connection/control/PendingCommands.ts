/**
 * The data-pending handshake (streaming.md §6.8–§6.11, §10). Where the logical answer is "not pending", the bytes are
 * in the files before it is given: at once if they are, after a bounded wait for the disk otherwise.
 */
import { Effect, Option } from "effect"
import type { Sync } from "../../model/Sync.ts"
import * as BeginDataPending from "../../protocol/control/BeginDataPending.ts"
import * as DataPending from "../../protocol/control/DataPending.ts"
import * as EndDataPending from "../../protocol/control/EndDataPending.ts"
import * as QuiescentControl from "../../protocol/control/QuiescentControl.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { fileWait } from "../../relay/Patience.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import { code, keep, ok, sessionOf, streamOf, unknownStream, withSession } from "./Command.ts"

const pending = keep(code(ReturnCode.PENDING))
const notPending = keep(code(ReturnCode.NOT_PENDING))
const replyOf = (isPending: boolean) => (isPending ? pending : notPending)

export const dataPending = withSession(DataPending.request, (state, _, { streamId, lastNetSeqNum }) => {
  const stream = streamOf(state, streamId)
  if (stream === undefined) return unknownStream(state, code(ReturnCode.UNKNOWN_STREAM), streamId)
  stream.model.pendingCheckDone = true
  const answer = stream.pending.ask(lastNetSeqNum)
  return typeof answer === "boolean" ? replyOf(answer) : Effect.map(answer, replyOf)
})

/** Everything earlier on this connection is done; an unknown stream is no error. */
export const quiescentControl = withSession(QuiescentControl.request, (state, _, { streamId }) => {
  const stream = streamOf(state, streamId)
  if (stream === undefined) return ok
  stream.model.pendingCheckDone = true
  if (stream.log.isIdle) return ok
  return Effect.as(Effect.timeoutOption(Effect.ignore(stream.log.written), fileWait), ok)
})

export const beginDataPending = withSession(BeginDataPending.request, (state, _, { sessionId }) => {
  const session = sessionOf(state, sessionId)
  for (const stream of session?.streams.values() ?? []) stream.model.pendingCheckDone = false
  return ok
})

/** Whether something of a stream must still be made sure of that `DATA_PENDING` does not cover: metadata, and syncs. */
const isOwed = (sync: Sync) => {
  const isSynced = sync !== "none"
  return ({ isMetadata, log }: StreamActor) => (isSynced || isMetadata) && (!log.isStable || log.failure !== undefined)
}

/**
 * Answers 1 while the peer has not asked about an open stream, while files of closed streams or of metadata are not
 * complete, or while files that are to be synced are not.
 */
export const endDataPending = withSession(EndDataPending.request, (state, _, { sessionId }) => {
  const session = sessionOf(state, sessionId)
  if (session === undefined) return notPending
  for (const stream of session.streams.values()) if (!stream.model.pendingCheckDone) return pending
  const isLeft = isOwed(state.registry.options.sync ?? "none")
  const owed = [...session.streams.values()].filter(isLeft)
  if (session.isComplete && owed.length === 0) return notPending
  const stable = Effect.forEach(owed, ({ log }) => Effect.ignore(log.synced), { discard: true })
  const complete = Effect.andThen(session.completed, stable)
  return Effect.map(Effect.timeoutOption(complete, fileWait), (completed) =>
    replyOf(Option.isNone(completed) || owed.some(isLeft))
  )
})
