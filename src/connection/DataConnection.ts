/**
 * One data connection (streaming.md §7): packets from the socket to their streams, in the turn that reads them.
 *
 * It never answers. While its share of packet memory is spent the socket is not read, and TCP stops the target. The
 * connection belongs to the session of its first packet; losing it closes that session's streams (§11.1).
 */
import { Effect } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import type { Incident } from "../errors/Report.ts"
import { setImmediate } from "../Machine.ts"
import { Account } from "../memory/Blocks.ts"
import type { Shares } from "../memory/Charge.ts"
import { PacketFramer, type PacketSink } from "../protocol/data/PacketFramer.ts"
import type { CloseReason } from "../relay/CloseReason.ts"
import type * as Connections from "../relay/Connections.ts"
import { Party } from "../relay/party/Party.ts"
import type { Registry } from "../relay/Registry.ts"
import type { StreamActor } from "../relay/stream/StreamActor.ts"
import type { Connection, StreamSession } from "../relay/stream/StreamSession.ts"
import type { Peer, Receiver } from "../transport/Peer.ts"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import { contained, containedCall } from "./Contained.ts"
import { served } from "./Served.ts"
import { Throttle } from "./Throttle.ts"

/**
 * Looks at the sockets after a target has ended its data connection: indexes of its packets may still lie in the
 * control connection's socket, and are refused once the streams are closed.
 */
const indexLookCount = 4

export const serve = (peer: Peer): Effect.Effect<void, never, Registry> =>
  served((registry) => new DataConnection(peer, registry))

class DataConnection implements Receiver, PacketSink, Connection {
  readonly #peer: Peer
  readonly #registry: Registry["Service"]
  readonly #framer = new PacketFramer(this)
  readonly #shares: Shares
  readonly #connection: Connections.Connection
  readonly #party: Party
  readonly #end: ConnectionEnd
  readonly #throttle: Throttle
  /** The session of the first packet's stream. */
  #session: StreamSession | undefined
  /** The stream of the packet that is arriving, and the bytes of padding that its header announced. */
  #stream: StreamActor | undefined
  #paddingSize = 0

  constructor(peer: Peer, registry: Registry["Service"]) {
    this.#peer = peer
    this.#registry = registry
    const { connections } = registry.tally
    this.#connection = connections.open("data", peer.name)
    this.#party = new Party(registry.permissions, peer)
    this.#end = new ConnectionEnd(connections, registry.incidents, this.#connection)
    this.#shares = {
      bytes: new Account(
        registry.pool,
        containedCall(() => this.#resume(), this.#end.onDefect),
        peer.landing
      ),
      // Nobody waits for room for halves: see `packetEnd`.
      halves: new Account(registry.halves, () => {})
    }
    this.#throttle = new Throttle({
      party: this.#party,
      peer,
      background: registry.background,
      onHeld: this.#connection.heldBy(peer.pause),
      onFree: () => this.#resume(),
      onRefused: (incident) => this.#refuse(incident),
      onDefect: this.#end.onDefect
    })
    const refusal = this.#party.enter()
    if (refusal !== undefined) this.#refuse(refusal)
  }

  get run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#throttle.begin(() => this.#peer.start(contained(this, this.#end.onDefect)))
      const reason = yield* this.#end.reason("data", this.#peer)
      this.#detach(reason !== "peer closed")
    })
  }

  /** Runs however the fiber ended. */
  get release(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#end.forget()
      this.#throttle.stop()
      this.#party.leave()
      this.#detach(true)
      this.#shares.bytes.close()
      this.#peer.destroy()
    })
  }

  #detach(isAbort: boolean): void {
    this.#stream?.model.abandonPacket()
    this.#stream = undefined
    this.#session?.detach(this, isAbort)
    this.#session = undefined
  }

  // ---- Connection, for the session -------------------------------------------------------------------------------

  end(reason: CloseReason): void {
    this.#end.decide(reason)
  }

  #fail(reason: CloseReason, complaint: string, code?: Code): false {
    this.#end.decide(reason, complaint, code)
    return false
  }

  #refuse({ code, detail }: Incident): void {
    this.#end.decide("over quota", detail, code)
  }

  /** Called when there is memory again, or the quota allows more. */
  #resume(): void {
    if (this.#end.hasCome) return
    if (!this.#throttle.isClosed && !this.#shares.bytes.isSpent()) {
      this.#connection.goOn()
      this.#peer.resume()
    }
  }

  // ---- Receiver --------------------------------------------------------------------------------------------------

  receive(bytes: Buffer, length: number): boolean {
    this.#connection.receivedByteCount += length
    if (this.#end.hasCome || !this.#framer.push(bytes, length)) return false
    this.#throttle.take(length)
    if (this.#throttle.isClosed) {
      this.#connection.holdBack("quota")
      return false
    }
    const { bytes: share } = this.#shares
    if (!share.isSpent()) return true
    this.#connection.holdBack(share.isFull ? "disk" : "memory")
    return false
  }

  belongsTo(sessionId: number): void {
    const session = this.#registry.sessions.get(sessionId)
    if (session !== undefined && this.#session === undefined) this.#bind(session)
  }

  #bind(session: StreamSession): void {
    this.#session = session
    this.#connection.sessionId = session.id
    session.bindData(this)
  }

  withdrawn(): void {
    this.#stream?.model.abandonPacket()
    this.#stream = undefined
    this.#framer.abandon()
  }

  ended(): void {
    this.#endAfter(indexLookCount)
  }

  #endAfter(lookCount: number): void {
    if (lookCount === 0 || this.#session?.awaitsIndexes !== true) this.end("peer closed")
    else setImmediate(containedCall(() => this.#endAfter(lookCount - 1), this.#end.onDefect))
  }

  drained(): void {}

  // ---- PacketSink ------------------------------------------------------------------------------------------------

  packetBegin(streamId: bigint, netSeqNum: bigint, dataSize: number, paddingSize: number): boolean {
    const { streams } = this.#registry
    const stream = this.#party.stream(streams, streamId)
    if (stream === undefined) {
      const { code, detail = `packet for stream ${streamId}` } = this.#party.withheld(streams, streamId) ?? {}
      return this.#fail("unknown stream", detail, code)
    }
    if (this.#session === undefined) this.#bind(stream.session)
    const refusal = this.#party.fill(paddingSize)
    if (refusal !== undefined) return this.#fail("over quota", refusal.detail ?? "", refusal.code)
    if (!stream.beginPacket(netSeqNum, dataSize, paddingSize)) {
      return this.#fail("protocol error", `stream ${streamId} cannot take a packet now`)
    }
    this.#stream = stream
    this.#paddingSize = paddingSize
    return true
  }

  payload(bytes: Buffer, from: number, to: number, isLast: boolean): boolean {
    const stream = this.#stream
    if (stream === undefined) return false
    stream.appendPayload(bytes, from, to, isLast, this.#shares.bytes)
    return true
  }

  packetEnd(): boolean {
    const stream = this.#stream
    if (stream === undefined) return false
    this.#stream = undefined
    const { session, model } = stream
    const isFirst = stream.packetCount === 0
    if (!stream.endPacket(this.#paddingSize, this.#shares)) {
      return this.#fail("protocol error", `packet of stream ${stream.handle} has no place`)
    }
    // It is not held back until indexes come: the target may send more packets first, and would wait for ever.
    if (this.#shares.halves.isOver) return this.#fail("protocol error", "too many packets without index")
    if (isFirst) session.viewers.raise()
    if (model.closeRequested) session.closeStream(stream.handle)
    return true
  }
}
