/** OPEN_JOURNAL (docs/extension.md): an edge begins a journal, or goes on with one. */
import { Effect, Result } from "effect"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import * as JournalHistory from "../../relay/journal/JournalHistory.ts"
import { awaitRoom } from "../journal/Admission.ts"
import { awaken } from "../journal/Expiry.ts"
import { HostedJournal } from "../journal/HostedJournal.ts"
import { forget, JournalConnection } from "../journal/JournalConnection.ts"
import { type ControlState, type Handler, keep, type Reply, refuse, type Successor, unknownCommand } from "./Command.ts"

const { State } = OpenJournal

/** GET_EDGES: an edge looks whether it is on the way of its own sessions. */
export const getEdges: Handler = ({ registry }) => {
  const { edges } = registry.options
  return edges === undefined ? unknownCommand(GetEdges.number) : keep(GetEdges.reply(ReturnCode.OK, edges()))
}

export const openJournal: Handler = (state, payload) => {
  if (state.registry.options.edges !== undefined) return unknownCommand(OpenJournal.number)
  const request = OpenJournal.request(0).decode(payload)
  const { hasVersion, registry, session } = state
  if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
  if (session !== undefined || !hasVersion) return refuse(undefined, "COMMAND_EARLY", "a session, or no version")
  const { token } = request.success
  if (!registry.journals.isExpired(token)) return opened(state, request.success)
  return Effect.match(awaken(registry, state.serves, token), {
    onFailure: ({ message }) => refuse(undefined, "JOURNAL_UNMARKED", message),
    onSuccess: () => opened(state, request.success)
  })
}

const opened = (state: ControlState, request: OpenJournal.Request): Reply => {
  const { connection, registry, socket } = state
  const { token } = request
  const { journals } = registry
  const known = journals.open.get(token) as HostedJournal | undefined
  if (journals.isFinished(token)) return { ...keep(reply(State.finished)), successor: over(state, token) }
  const isLost = request.firstKept > 1n || journals.isEnded(token)
  if (known === undefined && isLost) return { ...keep(reply(State.unknown)), successor: over(state, token) }
  const onEnd = (complaint?: string) =>
    complaint === undefined ? connection.end("peer closed") : connection.end("protocol error", complaint)
  const carry = (journal: HostedJournal, how: OpenJournal.State): Reply => {
    const successor = new JournalConnection(registry, socket, journal, onEnd)
    return { ...keep(reply(how, journal.received, journal.durable)), successor }
  }
  if (known !== undefined) return carry(known, State.resumed)
  return carry(begin(state, request), State.begun)
}

const reply = (state: OpenJournal.State, received = 0, durable = 0): Uint8Array =>
  OpenJournal.reply(0).encode({
    returnCode: ReturnCode.OK,
    state,
    received: BigInt(received),
    durable: BigInt(durable)
  })

/** Whatever the edge says now says that it knows. */
const over = ({ connection, registry, socket }: ControlState, token: string): Successor => ({
  receive: () => {
    forget(registry, token, socket, () => connection.end("peer closed"))
    return false
  },
  release: () => undefined
})

/** Its records wait until it may begin. Where nothing can be put down of it, it is carried out all the same. */
const begin = ({ registry, serves, socket }: ControlState, { edgeName, token }: OpenJournal.Request): HostedJournal => {
  const { incidents, journals, options, store } = registry
  const { certificate, name } = socket
  const journal = new HostedJournal({ token, edgeName, registry, serves, edge: socket })
  journal.isBeginning = true
  journal.isOutside = true
  journals.open.set(token, journal)
  const about = { edgeName, peer: name, ...(certificate !== undefined && { certificate }) }
  const begun = JournalHistory.begin(store, token, about, (options.sync ?? "none") !== "none").pipe(
    Effect.map((history) => journal.keep(history)),
    Effect.catch(({ message }) => incidents.report("JOURNAL_UNMARKED", message)),
    Effect.ensuring(Effect.sync(() => journal.begun()))
  )
  const admitted = Effect.flatMap(awaitRoom(journal, registry), (hasRoom) =>
    hasRoom ? Effect.andThen(journals.admits.await, begun) : Effect.void
  )
  registry.background(Effect.raceFirst(admitted, journals.stopping))
  return journal
}
