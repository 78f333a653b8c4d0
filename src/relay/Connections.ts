/**
 * The open connections, and how the last closed ones ended: what an operator asks after the fact is why a connection is
 * gone.
 */
import { clockMillis } from "../Machine.ts"
import type { CloseReason } from "./CloseReason.ts"
import type { Cause, Port } from "./ConnectionKinds.ts"

export type { Cause, Port } from "./ConnectionKinds.ts"

const noTime = (): Record<Cause, number> => ({ disk: 0, memory: 0, halves: 0, "unread answers": 0, files: 0, quota: 0 })

/** Enough to see what happened in the last minute of a fleet that reconnects. */
const closedCountMax = 256

/** A connection as others see it. Its owner counts in the fields, and closes it once. */
export class Connection {
  readonly id: number
  readonly port: Port
  /** `address:port` of the other side. */
  readonly peer: string
  /** ms of the relay's clock, as is `closedAt`. */
  readonly openedAt: number
  closedAt: number | undefined
  reason: CloseReason | undefined
  /** What the peer did wrong, if it did. */
  complaint = ""
  /** The session it belongs to, once known. */
  sessionId: number | undefined
  receivedByteCount = 0
  /** Ends the connection; set by its owner while it is open. */
  end: (reason: CloseReason) => void = () => {}
  /** Why nothing is read from it; undefined: it is read from. */
  heldBackBy: Cause | undefined
  readonly #heldBackMillis = noTime()
  /** ms by cause, summed over all connections; without periods that are not over. */
  readonly #heldBackSum: Record<Cause, number>
  #heldBackAt = 0

  constructor(id: number, port: Port, peer: string, openedAt: number, heldBackSum: Record<Cause, number>) {
    this.#heldBackSum = heldBackSum
    this.id = id
    this.port = port
    this.peer = peer
    this.openedAt = openedAt
  }

  holdBack(cause: Cause): void {
    if (this.heldBackBy !== undefined) return
    this.heldBackBy = cause
    this.#heldBackAt = clockMillis()
  }

  /** `pause` stops its socket. Answers what stops it for its quota; undefined: it cannot be stopped. */
  heldBy(pause: (() => void) | undefined): (() => void) | undefined {
    if (pause === undefined) return undefined
    return () => {
      this.holdBack("quota")
      pause()
    }
  }

  goOn(): void {
    if (this.heldBackBy === undefined) return
    const millis = this.heldBackNowMillis
    this.#heldBackMillis[this.heldBackBy] += millis
    this.#heldBackSum[this.heldBackBy] += millis
    this.heldBackBy = undefined
  }

  /** ms since it was held back; 0 while it is read from. */
  get heldBackNowMillis(): number {
    return this.heldBackBy === undefined ? 0 : clockMillis() - this.#heldBackAt
  }

  /** ms that it was held back until now, by cause. */
  get heldBackMillis(): Readonly<Record<Cause, number>> {
    if (this.heldBackBy === undefined) return this.#heldBackMillis
    const soFar = this.#heldBackMillis[this.heldBackBy] + this.heldBackNowMillis
    return { ...this.#heldBackMillis, [this.heldBackBy]: soFar }
  }
}

export class Connections {
  readonly #open = new Map<number, Connection>()
  #closed: Array<Connection> = []
  readonly #ends = new Map<string, { readonly port: Port; readonly reason: CloseReason; count: number }>()
  readonly #opened: Record<Port, number> = { control: 0, data: 0, live: 0 }
  /** ms by cause, summed over all connections; without periods that are not over. */
  readonly #heldBackMillis = noTime()
  readonly #ids: { readonly next: () => number }

  constructor(ids: { readonly next: () => number }) {
    this.#ids = ids
  }

  open(port: Port, peer: string): Connection {
    const connection = new Connection(this.#ids.next(), port, peer, clockMillis(), this.#heldBackMillis)
    this.#open.set(connection.id, connection)
    this.#opened[port]++
    return connection
  }

  /** The first reason counts: a second call does nothing. */
  close(connection: Connection, reason: CloseReason, complaint = ""): void {
    if (!this.#open.delete(connection.id)) return
    connection.goOn()
    connection.closedAt = clockMillis()
    connection.reason = reason
    connection.complaint = complaint
    connection.end = () => {}
    this.#closed.push(connection)
    if (this.#closed.length >= 2 * closedCountMax) this.#closed = this.#closed.slice(-closedCountMax)
    const key = `${connection.port}/${reason}`
    const end = this.#ends.get(key)
    if (end === undefined) this.#ends.set(key, { port: connection.port, reason, count: 1 })
    else end.count++
  }

  /** Ends an open connection as its owner would. False: there is none with that id. */
  end(id: number, reason: CloseReason): boolean {
    const connection = this.#open.get(id)
    connection?.end(reason)
    return connection !== undefined
  }

  get current(): Iterable<Connection> {
    return this.#open.values()
  }

  /** ms held back by cause, over all connections since the relay started. */
  get heldBackMillis(): Readonly<Record<Cause, number>> {
    const sum = { ...this.#heldBackMillis }
    for (const { heldBackBy, heldBackNowMillis } of this.#open.values()) {
      if (heldBackBy !== undefined) sum[heldBackBy] += heldBackNowMillis
    }
    return sum
  }

  /** How many connections are open now, by port, and how many are held back, by cause. */
  get counts() {
    const openConnections: Record<Port, number> = { control: 0, data: 0, live: 0 }
    const heldBackConnections = noTime()
    for (const { heldBackBy, port } of this.#open.values()) {
      openConnections[port]++
      if (heldBackBy !== undefined) heldBackConnections[heldBackBy]++
    }
    return { openConnections, heldBackConnections }
  }

  /** Those that closed last, the newest at the end. */
  get closed(): ReadonlyArray<Connection> {
    return this.#closed.slice(-closedCountMax)
  }

  /** How many were opened since the relay started. */
  get openedCounts(): Readonly<Record<Port, number>> {
    return this.#opened
  }

  /** How many ended since the relay started, by port and reason. */
  get ends(): Iterable<{ readonly port: Port; readonly reason: CloseReason; readonly count: number }> {
    return this.#ends.values()
  }
}
