/**
 * A journal that an edge brings (docs/extension.md): its records, each once and in order, become the bytes of the
 * tracers' connections, which are served as any other. It outlives the edge's connection: while there is none it is
 * suspended, and its sessions wait.
 *
 * One record at a time: a connection that is held back, by memory, a disk or a command that waits for files, holds back
 * all of the journal. So what one connection says is never carried out before what another said earlier.
 */
import { Effect } from "effect"
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as Header from "../../protocol/Header.ts"
import { Handles } from "../../protocol/journal/Handles.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import { Replies } from "../../protocol/journal/Replies.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { u64Max } from "../../protocol/Struct.ts"
import type { Journal } from "../../relay/Journals.ts"
import { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Serves } from "../control/Command.ts"
import { VirtualPeer } from "./VirtualPeer.ts"

/** The edge's connection, as the journal sees it. */
export interface Carrier {
  readonly peer: string
  /** More records can be taken, or there is something to tell the edge. */
  readonly onReady: () => void
  /** Another connection of the edge took over. */
  readonly onReplaced: () => void
}

interface Connection {
  readonly peer: VirtualPeer
  readonly replies: Replies
  /** What ADD_STREAM was answered with here, the oldest first. */
  readonly added: Array<bigint>
}

export interface Options {
  readonly serves: Serves
  readonly token: string
  readonly edgeName: string
  readonly registry: Registry["Service"]
  /** Whose rights its sessions have. */
  readonly edge: Pick<Peer, "name" | "certificate">
}

export class HostedJournal implements Journal {
  readonly token: string
  readonly edgeName: string
  readonly #registry: Registry["Service"]
  readonly #edge: Options["edge"]
  readonly #serves: Serves
  readonly #connections = new Map<number, Connection>()
  readonly #handles = new Handles()
  readonly sessionIds = new Set<number>()
  #carrier: Carrier | undefined
  /** Number of the last record that was carried out. */
  received = 0
  suspendedAt: number | undefined
  /** All of it was carried out. */
  isFinished = false
  /** The relay ended a connection of it before the tracer did. */
  isCut = false

  constructor(options: Options) {
    this.token = options.token
    this.edgeName = options.edgeName
    this.#registry = options.registry
    this.#edge = options.edge
    this.#serves = options.serves
  }

  // ---- the edge's connection -------------------------------------------------------------------------------------

  get peer(): string | undefined {
    return this.#carrier?.peer
  }

  attach(carrier: Carrier): void {
    const before = this.#carrier
    this.#carrier = carrier
    this.suspendedAt = undefined
    before?.onReplaced()
  }

  /** False: another one has taken over. */
  detach(carrier: Carrier): boolean {
    if (this.#carrier !== carrier) return false
    this.#carrier = undefined
    this.suspendedAt = Date.now()
    return true
  }

  /** The next record can be taken. */
  get isReady(): boolean {
    for (const { peer } of this.#connections.values()) if (!peer.isReady) return false
    return true
  }

  /** Only while `isReady`. `bytes[from, to)` may be changed. */
  record(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    // Sent again after a connection was lost.
    if (number <= this.received || this.#isFinishing) return
    this.received = number
    const known = this.#connections.get(connection)
    if (kind === Kind.control || kind === Kind.data) this.#open(connection, kind)
    else if (kind === Kind.finish) this.#finish()
    else if (known === undefined) return
    else if (kind === Kind.handle) this.#handles.set(bytes.readBigUInt64BE(from), known.added.shift() ?? u64Max)
    else if (kind === Kind.end) this.#end(connection, known, bytes[from] !== 0)
    else {
      if (kind === Kind.command) this.#inCommand(known, bytes, from, to)
      if (kind === Kind.packet) this.#handles.inPacket(bytes, from)
      known.peer.give(bytes, from, to)
    }
  }

  /** Its files are complete before the edge forgets it. */
  #finish(): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    for (const { peer } of this.#connections.values()) peer.ended()
    this.#connections.clear()
    const { background, journals, sessions } = this.#registry
    const ended = Effect.forEach(this.sessionIds, (id) => sessions.get(id)?.ended ?? Effect.void, { discard: true })
    background(
      Effect.map(ended, () => {
        this.isFinished = true
        journals.finish(this.token)
        this.#carrier?.onReady()
      })
    )
  }
  #isFinishing = false

  // ---- the tracers' connections ----------------------------------------------------------------------------------

  #open(number: number, kind: number): void {
    const replies = new Replies((command, bytes, from) => this.#answered(number, command, bytes, from))
    const peer = new VirtualPeer({
      name: this.#edge.name,
      certificate: this.#edge.certificate,
      onAnswer: (bytes) => void (kind === Kind.control && replies.push(bytes)),
      onReady: () => this.#onReady(),
      onClosed: () => {
        this.isCut = true
        this.#onReady()
      }
    })
    this.#connections.set(number, { peer, replies, added: [] })
    const serve = this.#serves[kind === Kind.control ? "control" : "data"](peer)
    this.#registry.background(Effect.provideService(serve, Registry, this.#registry))
  }

  #onReady(): void {
    if (this.isReady) this.#carrier?.onReady()
  }

  #inCommand(connection: Connection, bytes: Buffer, from: number, to: number): void {
    connection.replies.asked(bytes.readUInt32BE(from + Header.offsets.command), bytes, from + Header.size, to)
    this.#handles.inCommand(bytes, from, to)
  }

  #answered(number: number, command: number, bytes: Buffer, from: number): void {
    if (command !== CreateSession.number && command !== AddStream.number) return
    const isDone = bytes.readUInt32BE(from + 8) === ReturnCode.OK
    const id = bytes.readBigUInt64BE(from)
    if (command === AddStream.number) this.#connections.get(number)?.added.push(isDone ? id : u64Max)
    else if (isDone) this.sessionIds.add(Number(id))
  }

  #end(number: number, { peer }: Connection, isBroken: boolean): void {
    this.#connections.delete(number)
    if (isBroken) peer.broke()
    else peer.ended()
  }

  stop(): void {
    for (const { peer } of this.#connections.values()) peer.broke()
    this.#connections.clear()
    this.#finish()
  }
}
