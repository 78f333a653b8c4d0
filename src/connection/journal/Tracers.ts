/** The tracers' connections of a journal that are open: each record is carried out on the one that it names. */
import { Effect } from "effect"
import type { Incident } from "../../errors/Report.ts"
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import { Handles } from "../../protocol/journal/Handles.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import { Replies } from "../../protocol/journal/Replies.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { u64Max } from "../../protocol/Struct.ts"
import { Holding } from "../../relay/journal/CommonMemory.ts"
import { Registry } from "../../relay/Registry.ts"
import type { Serves } from "../control/Command.ts"
import { Tracer } from "./Tracer.ts"
import { type Options as PeerOptions, VirtualPeer } from "./VirtualPeer.ts"

/** Connections of one journal that may be open at once. A tracing session has two of each of its consumer daemons. */
export const connectionCountMax = 256
/** So many each journal may have; further ones its owner has in common with others. */
const ownCountMax = 8

const kinds: ReadonlySet<number> = new Set([
  Kind.command,
  Kind.packet,
  Kind.rest,
  Kind.handle,
  Kind.end,
  Kind.withdrawn
])

/** Of a record. `late`: this relay, or an earlier one, has ended its connection, and the tracer goes on. */
export type Fate = "carried out" | "dropped" | "late" | "refused"

export type Meant = (number: number, tracer: Tracer) => boolean

export interface Options {
  readonly registry: Registry["Service"]
  /** Whose they are. */
  readonly owner: () => string
  readonly serves: Serves
  readonly peer: Omit<PeerOptions, "onAnswer" | "onClosed">
  /** Called when a session of the journal has begun. */
  readonly onSession: (id: number) => void
  /** Called when the relay has ended the connection of that number; `isRefused`: for what the tracer said. */
  readonly onClosed: (number: number, why: Incident | undefined, isRefused: boolean) => void
  /** Called when the tracer, by its edge, has a stream that the relay could not make. */
  readonly onLacking: (sessionId: number | undefined, why: Incident | undefined) => void
}

export class Tracers {
  readonly handles = new Handles()
  readonly #options: Options
  readonly #open = new Map<number, Tracer>()
  readonly #further: Holding

  constructor(options: Options) {
    this.#options = options
    this.#further = new Holding(options.registry.journals.connections, options.owner)
  }

  /** By the numbers that the edge gave them. */
  get open(): ReadonlyMap<number, Tracer> {
    return this.#open
  }

  /** None is held back. */
  get areReady(): boolean {
    for (const { peer } of this.#open.values()) if (!peer.isReady) return false
    return true
  }

  /** Of none has a part of a command or packet come. */
  get areQuiet(): boolean {
    for (const { restBytes } of this.#open.values()) if (restBytes !== 0) return false
    return true
  }

  /** There is no room for a connection of that number. */
  isFull(number: number): boolean {
    // What an earlier relay has let in is let in again, in whatever order.
    if (this.#open.has(number) || this.#options.peer.places() !== undefined) return false
    return this.#open.size >= connectionCountMax || this.#further.isTooMuch
  }

  #count(): void {
    this.#further.set(Math.max(0, this.#open.size - ownCountMax))
  }

  /** `kind`: `Kind.control` or `Kind.data`. */
  begin(number: number, kind: number): void {
    const { peer: how, registry, serves } = this.#options
    const replies = new Replies((command, bytes, from) => this.#answered(number, command, bytes, from))
    const peer = new VirtualPeer({
      ...how,
      onAnswer: (bytes) => void (kind === Kind.control && replies.push(bytes)),
      onClosed: (why, isRefused) => this.#options.onClosed(number, why, isRefused)
    })
    // An earlier connection had the number, and the journal does not say that it ended.
    this.#open.get(number)?.peer.ended()
    this.#open.set(number, new Tracer(kind, peer, replies))
    this.#count()
    const serve = serves[kind === Kind.control ? "control" : "data"](peer)
    registry.background(Effect.provideService(serve, Registry, registry))
  }

  fateOf(kind: number, connection: number, bytes: Buffer, from: number, to: number): Fate {
    if (!kinds.has(kind)) return "refused"
    const tracer = this.#open.get(connection)
    const isMore = kind === Kind.command || kind === Kind.packet
    if (tracer === undefined) return isMore ? "late" : "dropped"
    if (!tracer.takes(kind, bytes, from, to)) return "refused"
    return isMore && tracer.peer.isOver ? "late" : "carried out"
  }

  /** The session that the connection is of; of one that is not open, undefined. */
  sessionOf(connection: number): number | undefined {
    return this.#open.get(connection)?.sessionId
  }

  /** Where the streams of those that are `meant` are; undefined: they have none. */
  placeOf(meant: Meant): string | undefined {
    for (const [number, tracer] of this.#open) {
      if (tracer.place !== undefined && meant(number, tracer)) return tracer.place
    }
    return undefined
  }

  /** Ends the connections that are `meant`, and answers which: what their tracers still say is late. */
  cutOff(meant: Meant): ReadonlyArray<number> {
    const all = [...this.#open].filter(([number, tracer]) => meant(number, tracer))
    for (const [number, { peer }] of all) {
      this.#open.delete(number)
      peer.ended()
    }
    this.#count()
    return all.map(([number]) => number)
  }

  carryOut(kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    const tracer = this.#open.get(connection)
    if (tracer === undefined) return
    switch (kind) {
      case Kind.handle:
        this.#setHandle(tracer, bytes.readBigUInt64BE(from))
        return
      case Kind.withdrawn:
        tracer.withdraw()
        return
      case Kind.end:
        this.#open.delete(connection)
        this.#count()
        if (bytes[from] === 0) tracer.peer.ended()
        else tracer.peer.broke()
        return
      case Kind.command:
        tracer.commandBegins(bytes, from, to)
        this.handles.inCommand(bytes, from, to)
        break
      case Kind.packet:
        this.#inPacket(tracer, bytes, from, to)
        break
      default:
        tracer.restBytes -= to - from
    }
    tracer.peer.give(bytes, from, to)
  }

  #setHandle({ added, peer, sessionId }: Tracer, edges: bigint): void {
    const relays = added.shift() ?? u64Max
    this.handles.set(edges, relays)
    if (edges !== u64Max && relays === u64Max) this.#options.onLacking(sessionId, peer.declined)
  }

  #inPacket(tracer: Tracer, bytes: Buffer, from: number, to: number): void {
    tracer.packetBegins(bytes, from, to)
    this.handles.inPacket(bytes, from)
    if (tracer.sessionId !== undefined) return
    const handle = bytes.readBigUInt64BE(from + PacketHeader.offsets.streamId)
    tracer.sessionId = this.#options.registry.streams.get(Number(handle))?.session.id
  }

  #answered(number: number, command: number, bytes: Buffer, from: number): void {
    if (command !== CreateSession.number && command !== AddStream.number) return
    const isDone = bytes.readUInt32BE(from + 8) === ReturnCode.OK
    const id = bytes.readBigUInt64BE(from)
    const tracer = this.#open.get(number)
    if (command === AddStream.number) {
      const stream = this.#options.registry.streams.get(Number(id))
      stream?.model.left.keep()
      tracer?.added.push(isDone ? id : u64Max)
      if (tracer !== undefined) tracer.place ??= stream?.path
    } else if (!isDone) tracer?.refused()
    else {
      this.#options.onSession(Number(id))
      if (tracer !== undefined) tracer.sessionId = Number(id)
    }
  }

  /** All have come to their end. */
  ended(): void {
    this.#leave((peer) => peer.ended())
  }

  /** All are lost. */
  broke(): void {
    this.#leave((peer) => peer.broke())
  }

  #leave(how: (peer: VirtualPeer) => void): void {
    for (const { peer } of this.#open.values()) how(peer)
    this.#open.clear()
    this.#count()
  }
}
