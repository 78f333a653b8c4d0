/** OPEN_JOURNAL (docs/extension.md): an edge begins a journal, or continues one. */
import { Effect, Result } from "effect"
import { wallMillis } from "../../Machine.ts"
import { isSynced } from "../../model/Sync.ts"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { type CommonMemory, Holding } from "../../relay/journal/CommonMemory.ts"
import * as JournalHistory from "../../relay/journal/JournalHistory.ts"
import type { Opened, Taken } from "../../relay/journal/Taken.ts"
import { awaitRoom } from "../journal/Admission.ts"
import { AttachedJournal, forgottenBy } from "../journal/AttachedJournal.ts"
import { awaken, isForNow, lookedAt } from "../journal/Expiry.ts"
import { HostedJournal } from "../journal/HostedJournal.ts"
import { forget, JournalConnection } from "../journal/JournalConnection.ts"
import { ownerOf } from "../journal/Standing.ts"
import { turnBytes } from "../Turn.ts"
import { type ControlState, type Handler, keep, type Reply, refuse, unknownCommand } from "./Command.ts"

const { State } = OpenJournal

/** GET_EDGES: an edge finds out whether its own sessions would come back to it. */
export const getEdges: Handler = ({ registry }) => {
  const { passage } = registry.options
  return passage === undefined ? unknownCommand(GetEdges.number) : keep(GetEdges.reply(passage.edges()))
}

export const openJournal: Handler = (state, payload) => {
  const request = OpenJournal.request(0).decode(payload)
  const { hasVersion, peer, registry, session } = state
  // No edge brings a journal inside a journal: one that brought itself would outlive its edge for ever.
  if (peer.carried !== undefined) return unknownCommand(OpenJournal.number)
  if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
  if (session !== undefined || !hasVersion) return refuse(undefined, "COMMAND_EARLY", "a session, or no version")
  const { token } = request.success
  const { passage } = registry.options
  if (passage !== undefined)
    return Effect.map(passage.open(request.success, ownerOf(peer, registry.permissions.rightsOf)), passed(state))
  const { journals } = registry
  const known = journals.open.get(token) as HostedJournal | undefined
  // The files of a journal that rested may have changed; one that another connection still brings has not rested.
  if (known !== undefined && (known.isLeaving || known.suspendedAt !== undefined))
    return Effect.andThen(
      lookedAt(registry, known),
      Effect.suspend(() => goneOnWith(state, request.success))
    )
  return journals.isExpired(token) ? goneOnWith(state, request.success) : opened(state, request.success)
}

const goneOnWith = (state: ControlState, request: OpenJournal.Request): Effect.Effect<Reply> => {
  const { connection, registry } = state
  const { token } = request
  if (!registry.journals.isExpired(token)) return Effect.sync(() => opened(state, request))
  return Effect.match(awaken(registry, state.serves, token), {
    onFailure: (failure) => {
      const isLeft = isForNow(registry, failure)
      // Before the reply is looked at: this end of the connection counts, and is nothing to tell.
      if (isLeft && !registry.journals.tellsOfWait(token)) connection.end("peer closed")
      return refuse(undefined, isLeft ? "JOURNAL_WAITS" : "JOURNAL_UNMARKED", failure.message)
    },
    onSuccess: () => opened(state, request)
  })
}

/** The reply of an edge. */
const passed =
  (state: ControlState) =>
  (opened: Opened | undefined): Reply => {
    if (opened === undefined) return refuse(undefined, "EDGE_CIRCLE", "the journal is one of this edge")
    const { forgotten, journal, state: how } = opened
    return journal === undefined ? over(state, how, forgotten) : carry(state, journal, how)
  }

const carry = (state: ControlState, journal: Taken, how: OpenJournal.State): Reply => {
  const { connection, peer, registry } = state
  const onEnd = (complaint?: string) =>
    complaint === undefined ? connection.end("peer closed") : connection.end("protocol error", complaint)
  const answer = keep(reply(how, journal.received, journal.durable))
  const { background, journals, permissions } = registry
  const heldIn = (memory: CommonMemory) => new Holding(memory, () => ownerOf(peer, permissions.rightsOf))
  const [partial, reads] = [heldIn(journals.partial), heldIn(journals.reads)]
  return { ...answer, successor: new JournalConnection({ background, journal, onEnd, partial, peer, reads }) }
}

const opened = (state: ControlState, request: OpenJournal.Request): Reply => {
  const { peer, registry } = state
  const { token } = request
  const { journals } = registry
  const forgotten = forgottenBy(registry, token)
  const known = journals.open.get(token) as HostedJournal | undefined
  if (journals.isFinished(token)) return over(state, State.finished, forgotten)
  const isEnded = journals.isEnded(token)
  if (known === undefined && (isEnded || request.firstKept > 1n))
    return over(state, State.unknown, forgotten, isEnded ? 1 : 0)
  const journal = new AttachedJournal(registry, known ?? begin(state, request), peer)
  return carry(state, journal, known === undefined ? State.begun : State.resumed)
}

const reply = (state: OpenJournal.State, received: number, durable = 0): Uint8Array =>
  OpenJournal.reply(0).encode({
    returnCode: ReturnCode.OK,
    state,
    received: BigInt(received),
    durable: BigInt(durable)
  })

/** The reply if there is nothing to continue. Whatever the edge sends next shows that it knows. */
const over = (
  { connection, peer, registry: { background } }: ControlState,
  how: OpenJournal.State,
  forgotten: Effect.Effect<void>,
  received = 0
): Reply => ({
  ...keep(reply(how, received)),
  successor: {
    readBytesMax: turnBytes,
    begin: () => undefined,
    receive: () => {
      forget(background, forgotten, peer, () => connection.end("peer closed"))
      return false
    },
    release: () => undefined
  }
})

/** Begins a journal. Its records wait until it is let in. If no history can be written, it is carried out without. */
const begin = ({ peer, registry, serves }: ControlState, { edgeName, token }: OpenJournal.Request): HostedJournal => {
  const { incidents, journals, options, store } = registry
  const { certificate, name } = peer
  const begunAt = Math.floor(wallMillis() / 1000)
  const journal = new HostedJournal({ token, edgeName, registry, serves, edge: peer, begunAt })
  journal.isBeginning = true
  journal.isOutside = true
  journals.open.set(token, journal)
  const about = { edgeName, peer: name, begunAt, ...(certificate !== undefined && { certificate }) }
  const begun = JournalHistory.begin(store, token, about, isSynced(options.sync)).pipe(
    Effect.map((history) => journal.marking.keep(history)),
    // A relay that stops in between would leave files open. It ends the wait for room, too.
    Effect.uninterruptible,
    Effect.catch(({ message }) => incidents.report("JOURNAL_UNMARKED", message)),
    Effect.catchCause((cause) => incidents.report("JOURNAL_UNMARKED", undefined, cause)),
    Effect.ensuring(Effect.sync(() => journal.begun()))
  )
  const admitted = Effect.flatMap(awaitRoom(journal, registry), (hasRoom) =>
    // In its turn: what an expired one of the token has left may just be removed.
    hasRoom ? Effect.andThen(journals.admits.await, journals.turns.of(token, begun)) : Effect.void
  )
  registry.background(Effect.raceFirst(admitted, journals.stopping))
  return journal
}
