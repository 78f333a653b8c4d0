/**
 * One accepted TCP connection as the connection folder sees it: bytes are lent to a callback as they arrive, replies
 * are written whole, the end is told once.
 *
 * Bytes arrive in memory shared by all connections: a view is valid during the callback only, unless `landing` lets it
 * be held.
 */
import type { Incident } from "../errors/Report.ts"
import type { Landing } from "../memory/Landing.ts"
import type { PeerCertificate } from "./tls/Tls.ts"

/** How the connection ended, as far as the socket knows. */
export type SocketEnd = "closed by peer" | "closed by relay" | "socket error" | "stalled"

/** `length` bytes have arrived at the start of `bytes`. False stops reading until `resume`. */
export type Receive = (bytes: Buffer, length: number) => boolean

export interface Receiver {
  readonly receive: Receive
  /** Called by journals only: the packet that is arriving will never be whole, and counts as not begun. */
  readonly withdrawn?: () => void
  /** Called by journals only: the connection's packets belong to that session, as one that came before did. */
  readonly belongsTo?: (sessionId: number) => void
  /** The peer will send no more; everything it sent was given to `receive`. */
  readonly ended: () => void
  /** So much of the replies has been sent that `send` takes more. */
  readonly drained: () => void
}

/** What the relay knows of a tracer behind an edge. Its journal keeps what it says: so what it asks for can wait. */
export interface Carried {
  /** The token of the journal. */
  readonly journal: string
  /** Whether the same journal brought the session. */
  readonly brought: (sessionId: number) => boolean
  /** The relay has refused a command, and the connection may go on. */
  readonly declines: (why: Incident) => void
  /** The relay ends the connection; `isRefusal`: for what the tracer said. */
  readonly ends: (why: Incident, isRefusal: boolean) => void
  /** Tells what the tracer waits for; undefined: it goes on. */
  readonly waitsFor: (why: Incident | undefined) => void
  /** What it says was carried out before, in an earlier process, so it is permitted. */
  readonly isReplayed: boolean
  /** When the journal began, in seconds since 1970. */
  readonly begunAt: number | undefined
  /** While it is replayed: where its sessions were, relative to the output directory. */
  readonly places: ReadonlySet<string> | undefined
}

export interface Peer {
  /** `address:port` of the other side, for logs. */
  readonly name: string
  /** Undefined if the peer showed none: over plain TCP, or to a relay that asks for none. */
  readonly certificate: PeerCertificate | undefined
  /** Where the peer's bytes arrive, if parts of them can be held without a copy. */
  readonly landing: Landing | undefined
  readonly start: (receiver: Receiver) => void
  readonly resume: () => void
  /**
   * Stops reading until `resume`; what is decrypted already is kept. Undefined: reading stops only where `receive`
   * answers false.
   */
  readonly pause?: () => void
  /** From the next read but one on, a read brings at most `byteCount` bytes. */
  readonly readAtMost: (byteCount: number) => void
  /**
   * False: the peer is not reading; send no more until `drained`. `bytes` must not change until sent: `sent` is called
   * once, when the system has them or the connection is gone.
   */
  readonly send: (bytes: Uint8Array, sent?: () => void) => boolean
  /** Says whether the peer owes the rest of a message; one that owes it for longer than the stall limit is cut off. */
  readonly expect: (isOwing: boolean) => void
  /** Sends what was given to `send`, then closes. */
  readonly close: () => void
  /** Closes at once; after `close`, when that is over. */
  readonly destroy: () => void
  /** Calls `then` when the connection is gone, within the call if it is. */
  readonly whenGone: (then: (end: SocketEnd) => void) => void
  /** Undefined: the peer is connected itself. */
  readonly carried?: Carried
  /** The minor version of the protocol to serve the peer with, where that is less than our own. */
  readonly minor?: number | undefined
  /** False: the peer is told that it may not clear its sessions. */
  readonly clears?: boolean | undefined
}
