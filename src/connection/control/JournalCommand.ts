/** OPEN_JOURNAL (docs/extension.md): an edge begins a journal, or goes on with one. */
import { Result } from "effect"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { HostedJournal } from "../journal/HostedJournal.ts"
import { JournalConnection } from "../journal/JournalConnection.ts"
import { type ControlState, type Handler, keep, refuse } from "./Command.ts"

const { State } = OpenJournal

export const openJournal: Handler = (state, payload) => {
  const request = OpenJournal.request(0).decode(payload)
  const { connection, hasVersion, registry, session, socket } = state
  if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
  if (session !== undefined || !hasVersion) return refuse(undefined, "COMMAND_EARLY", "a session, or no version")
  const { token } = request.success
  const { journals } = registry
  const known = journals.open.get(token) as HostedJournal | undefined
  if (journals.isFinished(token)) return keep(reply(State.finished, 0))
  if (known === undefined && request.success.firstKept > 1n) return keep(reply(State.unknown, 0))
  const journal = known ?? begin(state, request.success)
  const onEnd = (complaint?: string) =>
    complaint === undefined ? connection.end("peer closed") : connection.end("protocol error", complaint)
  const successor = new JournalConnection(registry, socket, journal, onEnd)
  return { ...keep(reply(known === undefined ? State.begun : State.resumed, journal.received)), successor }
}

const reply = (state: OpenJournal.State, received: number): Uint8Array =>
  OpenJournal.reply(0).encode({
    returnCode: ReturnCode.OK,
    state,
    received: BigInt(received),
    durable: BigInt(received)
  })

const begin = ({ registry, serves, socket }: ControlState, { edgeName, token }: OpenJournal.Request) => {
  const journal = new HostedJournal({ token, edgeName, registry, serves, edge: socket })
  registry.journals.open.set(token, journal)
  return journal
}
