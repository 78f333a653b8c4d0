/**
 * One accepted TCP connection as the connection folder sees it: bytes are lent to a callback as they arrive, replies
 * are written whole, the end is told once.
 *
 * Bytes arrive in memory shared by all connections: a view is valid during the callback only, unless `landing` lets it
 * be held.
 */
import type { Effect } from "effect"
import type { Incident } from "../errors/Report.ts"
import type { Landing } from "../memory/Landing.ts"
import type { PeerCertificate } from "./tls/Tls.ts"

/** How the connection ended, as far as the socket knows. */
export type SocketEnd = "closed by peer" | "closed by relay" | "socket error" | "stalled"

/** `length` bytes have arrived at the start of `bytes`. False stops reading until `resume`. */
export type Receive = (bytes: Buffer, length: number) => boolean

export interface Receiver {
  readonly receive: Receive
  /** By journals only: the packet that has begun will not be whole, and is as if it had never begun. */
  readonly withdrawn?: () => void
  /** By journals only: its packets are those of that session, one of which has come before. */
  readonly belongsTo?: (sessionId: number) => void
  /** The peer will send no more; everything it sent was given to `receive`. */
  readonly ended: () => void
  /** Replies the peer did not read are below the high-water mark again. */
  readonly drained: () => void
}

export interface Peer {
  /** `address:port` of the other side, for logs. */
  readonly name: string
  /** Undefined where it showed none: over plain TCP, or to a relay that asks for none. */
  readonly certificate: PeerCertificate | undefined
  /** Where its bytes arrive, if parts of them can be kept without a copy. */
  readonly landing: Landing | undefined
  readonly start: (receiver: Receiver) => void
  readonly resume: () => void
  /** Reads no more until `resume`; undefined: it ends by itself. What was decrypted already is kept. */
  readonly pause?: () => void
  /** From the next read but one on no more than so many bytes come at once. */
  readonly readAtMost: (byteCount: number) => void
  /**
   * False: the peer is not reading; send no more until `drained`. `bytes` must not change until sent: `sent` is called
   * once, when the system has them or the connection is gone.
   */
  readonly send: (bytes: Uint8Array, sent?: () => void) => boolean
  /** The peer owes the rest of a message, or not any more: it may not owe it for longer than the stall limit. */
  readonly expect: (isOwing: boolean) => void
  /** Sends what was given to `send`, then closes. */
  readonly close: () => void
  /** Closes at once. */
  readonly destroy: () => void
  readonly end: Effect.Effect<SocketEnd>
  /** By an edge, which keeps what it says: what it asks for can wait. */
  readonly isCarried?: boolean
  /** For such: whether a session is one that it brought. */
  readonly brought?: (sessionId: number) => boolean
  /** For such: what it waits for; undefined: it goes on. */
  readonly waitsFor?: (why: Incident | undefined) => void
  /** What it says was carried out before: it may do it. */
  readonly isReplayed?: boolean
  /** For such: seconds since 1970, when it began. */
  readonly begunAt?: number | undefined
  /** For such: where its sessions were, relative to the output directory. */
  readonly places?: ReadonlySet<string> | undefined
  /** Of the protocol that it is served with, where that is less than all. */
  readonly minor?: number | undefined
  /** False: it is told that it may not clear its sessions. */
  readonly clears?: boolean | undefined
}
