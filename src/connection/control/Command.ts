/**
 * What handlers of control commands share: what the connection has learnt, replies with their disposition, and the
 * preconditions of streaming.md §2.
 */
import { type Effect, Result } from "effect"
import type { Account } from "../../memory/Blocks.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Layout } from "../../protocol/Struct.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Control, SessionActor } from "../../relay/session/SessionActor.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"

/** What a control connection has learnt so far. */
export interface ControlState {
  readonly registry: Registry["Service"]
  readonly account: Account
  readonly connection: Control
  minor: number
  hasVersion: boolean
  session: SessionActor | undefined
}

export const makeState = (registry: Registry["Service"], account: Account, connection: Control): ControlState => ({
  registry,
  account,
  connection,
  // What counts for a peer that never said: the oldest layouts.
  minor: 0,
  hasVersion: false,
  session: undefined
})

export interface Reply {
  readonly bytes: Uint8Array | undefined
  /** The connection ends after the reply, and the session with it. */
  readonly isAbort: boolean
  /** For the log. */
  readonly reason?: string
}

/** A reply at once where nothing has to be waited for; otherwise an effect for the connection's fiber. */
export type Answer = Reply | Effect.Effect<Reply>

/** `payload` is read during the call only. */
export type Handler = (state: ControlState, payload: Uint8Array) => Answer

export const keep = (bytes: Uint8Array): Reply => ({ bytes, isAbort: false })

/** Ends the connection, after `bytes` if there are any. */
export const refuse = (bytes: Uint8Array | undefined, reason: string): Reply => ({ bytes, isAbort: true, reason })

export const code = (returnCode: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(returnCode)
  return bytes
}

export const ok = keep(code(ReturnCode.OK))

/** Preconditions first, then the payload; either unmet ends the connection without a word. */
export const withSession =
  <A>(
    layout: (minor: number) => Layout<A>,
    handle: (state: ControlState, session: SessionActor, request: A) => Answer,
    needsChunks = false
  ): Handler =>
  (state, payload) => {
    const { session } = state
    if (session === undefined || !state.hasVersion) return refuse(undefined, "no session or no version")
    if (needsChunks && !session.identity.hasChunks) return refuse(undefined, "needs minor 11")
    const request = layout(state.minor).decode(payload)
    if (Result.isFailure(request)) return refuse(undefined, request.failure.message)
    return handle(state, session, request.success)
  }

/** Handles are global: any connection may name any stream (§4). */
export const streamOf = (state: ControlState, handle: bigint): StreamActor | undefined =>
  state.registry.streams.get(Number(handle))
