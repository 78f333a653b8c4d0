/**
 * What handlers of control commands share: what the connection has learnt, replies with their disposition, and the
 * preconditions of streaming.md §2.
 */
import { type Effect, Result } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import type { Account } from "../../memory/Blocks.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Layout } from "../../protocol/Struct.ts"
import { Party } from "../../relay/party/Party.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Control, SessionActor } from "../../relay/session/SessionActor.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { Peer } from "../../transport/Peer.ts"

/** What a control connection has learnt so far. */
export interface ControlState {
  readonly registry: Registry["Service"]
  readonly account: Account
  readonly connection: Control
  readonly peer: Peer
  /** `address:port` of the peer when it connected. */
  readonly peerName: string
  readonly serves: Serves
  readonly party: Party
  minor: number
  hasVersion: boolean
  session: SessionActor | undefined
}

/** What serves the connections of tracers that come by a journal. */
export type Serves = Readonly<Record<"control" | "data", (peer: Peer) => Effect.Effect<void, never, Registry>>>

/** What takes the connection's bytes from a command on. */
export interface Successor {
  /** The most that one read shall bring. */
  readonly readBytesMax: number
  /** Its answer has left: nothing is said before. `onBound` is to be called when `readBytesMax` has changed. */
  readonly begin: (onBound: () => void) => void
  /** False: read no more until `Peer.resume`. */
  readonly receive: (bytes: Buffer, length: number) => boolean
  /** Called when the connection is gone. */
  readonly release: () => void
}

export const makeState = (
  registry: Registry["Service"],
  account: Account,
  connection: Control,
  peer: Peer,
  serves: Serves
): ControlState => ({
  registry,
  account,
  connection,
  peer,
  peerName: peer.name,
  serves,
  party: new Party(registry.permissions, peer),
  // A peer that never says its version is read by the oldest layouts.
  minor: 0,
  hasVersion: false,
  session: undefined
})

/**
 * What becomes of the connection after a reply. `linger`: it goes on if the peer says more, and ends otherwise: after
 * this reply real peers read a string of zero bytes, that is, wait until the connection ends (§6.1).
 */
export type After = "keep" | "end" | "linger"

export interface Reply {
  readonly bytes: Uint8Array | undefined
  readonly after: After
  /** Why the command was not carried out; undefined: it was. */
  readonly refusal: Incident | undefined
  readonly successor?: Successor
}

/** A reply if nothing has to be waited for; otherwise an effect for the connection's fiber. */
export type Answer = Reply | Effect.Effect<Reply>

/** `payload` is read during the call only. */
export type Handler = (state: ControlState, payload: Uint8Array) => Answer

export const keep = (bytes: Uint8Array): Reply => ({ bytes, after: "keep", refusal: undefined })

/**
 * A refusal after which the connection ends, and the session with it; `bytes` are sent first, if there are any. The
 * connection logs and counts it.
 */
export const refuse = (bytes: Uint8Array | undefined, code: Code, detail: string): Reply => ({
  bytes,
  after: "end",
  refusal: { code, detail }
})

/** A refusal after which the peer may go on. */
export const decline = (bytes: Uint8Array, refusal: Incident, after: "keep" | "linger" = "keep"): Reply => ({
  bytes,
  after,
  refusal
})

export const code = (returnCode: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(returnCode)
  return bytes
}

export const ok = keep(code(ReturnCode.OK))

/** Calls `handle` if the connection has a session and may still record it; otherwise it ends without a reply. */
export const inSession = (state: ControlState, handle: (session: SessionActor) => Answer): Answer => {
  const { hasVersion, party, peer, session } = state
  if (session === undefined || !hasVersion) return refuse(undefined, "COMMAND_EARLY", "no session or no version")
  // Rules may have changed since the session was made. What an edge brings is not affected by that.
  if (peer.carried !== undefined || party.mayRecord(session.identity)) return handle(session)
  return refuse(undefined, "SESSION_NOT_PERMITTED", `${party.principals}: ${session.label}`)
}

/** Checks preconditions first, then the payload; the connection ends without a reply if either is wrong. */
export const withSession =
  <A>(
    layout: (minor: number) => Pick<Layout<A>, "decode">,
    handle: (state: ControlState, session: SessionActor, request: A) => Answer,
    needsChunks = false
  ): Handler =>
  (state, payload) =>
    inSession(state, (session) => {
      if (needsChunks && !session.identity.hasChunks) return refuse(undefined, "COMMAND_EARLY", "needs minor 11")
      const request = layout(state.minor).decode(payload)
      if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
      return handle(state, session, request.success)
    })

/** Handles are global: any connection may name any stream (§4). */
export const streamOf = (state: ControlState, handle: bigint): StreamActor | undefined =>
  state.party.stream(state.registry.streams, handle)

/** Any connection may name any session, too; one that it may not record is undefined, as if it did not exist. */
export const sessionOf = ({ party, registry }: ControlState, id: bigint): SessionActor | undefined => {
  const session = registry.sessions.get(Number(id))
  return session !== undefined && party.mayRecord(session.identity) ? session : undefined
}

/** The refusal of a command that does not exist. */
export const unknownCommand = (number: number): Reply =>
  refuse(code(ReturnCode.UNKNOWN), "COMMAND_UNKNOWN", `unknown command ${number}`)

export const unknownStream = ({ party, registry }: ControlState, bytes: Uint8Array, handle: bigint): Reply => {
  const { code, detail } = party.withheld(registry.streams, handle) ?? {
    code: "STREAM_UNKNOWN",
    detail: `unknown stream ${handle}`
  }
  return refuse(bytes, code, detail)
}
