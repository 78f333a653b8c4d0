/** A journal as it is said to a relay that takes none: record by record, each on the connection that it came over. */
import { Effect, type Scope } from "effect"
import { report } from "../../../errors/Report.ts"
import * as CloseStream from "../../../protocol/control/CloseStream.ts"
import * as CreateSession from "../../../protocol/control/CreateSession.ts"
import * as SendIndex from "../../../protocol/control/SendIndex.ts"
import * as SendMetadata from "../../../protocol/control/SendMetadata.ts"
import * as Version from "../../../protocol/control/Version.ts"
import { size as packetHeadBytes, offsets as packetOffsets } from "../../../protocol/data/PacketHeader.ts"
import * as Header from "../../../protocol/Header.ts"
import { Handles } from "../../../protocol/journal/Handles.ts"
import { headBytes, Kind, offsets } from "../../../protocol/journal/Record.ts"
import * as Protocol from "../../../protocol/Version.ts"
import type * as Dial from "../../../transport/Dial.ts"
import type { TlsFailed } from "../../../transport/tls/DialTls.ts"
import { Loan } from "../Loan.ts"
import { Arrivals } from "./Arrivals.ts"
import { beside } from "./Beside.ts"
import { type Refused, RelayConnection } from "./RelayConnection.ts"
import { Dialect, Translation } from "./Translation.ts"

export interface Addresses {
  readonly control: Dial.Address
  readonly data: Dial.Address
}

export type Failure = Dial.DialFailed | TlsFailed | Dial.LinkLost | Refused

export interface Options {
  /** HOST/SESSION. */
  readonly name: string
  readonly to: Addresses
  /** The relay allows clearing. */
  readonly clears: boolean
  /** How often such a relay has begun it before. */
  readonly begunCount: number
  /** Done before the relay is told anything that it keeps. */
  readonly begin: Effect.Effect<void>
}

export class Conversation {
  readonly #options: Options
  readonly #connections = new Map<number, RelayConnection>()
  readonly #handles = new Handles()
  readonly #translation = new Translation()
  readonly #arrivals = new Arrivals()
  /** The relay has something of it, so that it cannot be begun again. */
  isBegun = false
  #isFlatTold = false
  #isBesideTold = false
  #loan = new Loan(() => {})

  constructor(options: Options) {
    this.#options = options
  }

  /** Records given to `record` from now on lie in the buffer of `loan`. */
  begin(loan: Loan): void {
    this.#loan = loan
  }

  record(bytes: Buffer, at: number): Effect.Effect<void, Failure, Scope.Scope> {
    const from = at + headBytes
    const to = from + bytes.readUInt32BE(at + offsets.byteCount)
    const number = bytes.readUInt16BE(at + offsets.connection)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    if (kind === Kind.control || kind === Kind.data) return this.#dial(number, kind === Kind.data ? "data" : "control")
    // What comes over a connection that has ended is nobody's.
    const connection = this.#connections.get(number)
    if (connection === undefined) return Effect.void
    switch (kind) {
      case Kind.command:
        return this.#command(connection, bytes, from, to)
      case Kind.packet:
        this.#packet(connection, bytes, from, to)
        return this.#write(connection, bytes.subarray(from, to))
      case Kind.rest:
        return this.#rest(connection, bytes, from, to)
      case Kind.handle:
        return this.#handle(connection, bytes.readBigUInt64BE(from))
      case Kind.end:
        return this.#end(number, connection)
      default:
        return Effect.void
    }
  }

  #dial(number: number, role: "control" | "data"): Effect.Effect<void, Failure, Scope.Scope> {
    const { clears, to } = this.#options
    const dialled = RelayConnection.dial(to[role], role, new Dialect(clears))
    return Effect.map(dialled, (connection) => void this.#connections.set(number, connection))
  }

  #write(connection: RelayConnection, bytes: Uint8Array): Effect.Effect<void, Failure> {
    return connection.write(bytes, this.#loan.more())
  }

  #handle(connection: RelayConnection, edges: bigint): Effect.Effect<void, Failure> {
    return Effect.map(connection.handleOf(edges), (relays) => this.#handles.set(edges, relays))
  }

  /** The tracer closed the connection: closes the one to the relay once that has everything. */
  #end(number: number, connection: RelayConnection): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      // With a data connection the relay closes its streams: by then it has what came by others, metadata too.
      for (const each of this.#connections.values()) yield* each.settled
      if (connection.dialect.minor > 0) {
        if (connection.isAsked) for (const handle of this.#arrivals.streams) yield* this.#arrived(connection, handle)
      } else yield* this.#dataEnd(connection)
      this.#connections.delete(number)
      yield* connection.close
    })
  }

  #dataEnd(connection: RelayConnection): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const asked = [...this.#connections.values()].find(({ isAsked }) => isAsked)
      if (asked !== undefined) for (const handle of connection.streams) yield* this.#surelyArrived(asked, handle)
      const isOwed = [...connection.streams].some((handle) => this.#arrivals.due(handle) !== undefined)
      if (isOwed) yield* connection.flushed
      // From here on the relay does not know them, and ends a connection by which it is asked for them.
      for (const handle of connection.streams) this.#arrivals.forget(handle)
    })
  }

  // ---- commands --------------------------------------------------------------------------------------------------

  #command(connection: RelayConnection, bytes: Buffer, from: number, to: number): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const command = bytes.readUInt32BE(from + Header.offsets.command)
      const { dialect } = connection
      connection.restBytes = Header.size + Number(bytes.readBigUInt64BE(from + Header.offsets.dataSize)) - (to - from)
      this.#handles.inCommand(bytes, from, to)
      const created = command === CreateSession.number ? yield* this.#created(dialect, bytes, from, to) : undefined
      const request = created ?? this.#translation.command(dialect, bytes, from, to)
      if (request === undefined) return
      if (command === SendIndex.number) {
        this.#indexed(bytes, from + Header.size)
        yield* this.#write(connection, request)
        return yield* connection.indexSent
      }
      if (command === SendMetadata.number) {
        connection.unsettled = bytes.readBigUInt64BE(from + Header.size)
        return yield* this.#write(connection, request)
      }
      yield* connection.indexesAnswered
      if (command === CloseStream.number) {
        yield* this.#arrived(connection, bytes.readBigUInt64BE(from + Header.size))
      }
      if (command === CreateSession.number) {
        if (!this.isBegun) yield* this.#options.begin
        this.isBegun = true
        yield* this.#tellOfFlat(dialect)
      }
      if (command === Version.number) dialect.spoken = Protocol.negotiate(bytes.readUInt32BE(from + Header.size + 4))
      yield* this.#write(connection, request)
      yield* connection.answered(command)
      if (command === CloseStream.number) this.#close(bytes, from + Header.size)
    })
  }

  /** Undefined: as the tracer said it. */
  #created(dialect: Dialect, bytes: Buffer, from: number, to: number): Effect.Effect<Uint8Array | undefined> {
    return Effect.gen({ self: this }, function* () {
      const { begunCount, name } = this.#options
      const changed = beside(bytes.subarray(from, to), dialect.spoken, begunCount)
      if (changed === undefined) return undefined
      const where = `recorded anew as ${changed.name}, beside what the relay had of it before`
      if (!this.#isBesideTold) yield* report("SESSION_AGAIN", `${name}: ${where}`)
      this.#isBesideTold = true
      return this.#translation.command(dialect, changed.command, 0, changed.command.length)
    })
  }

  #rest(connection: RelayConnection, bytes: Buffer, from: number, to: number): Effect.Effect<void, Failure> {
    this.#passed(connection, to - from)
    const rest = this.#translation.rest(connection.dialect, bytes, from, to)
    return rest === undefined ? Effect.void : this.#write(connection, rest)
  }

  /** The tracer was answered before it was known how little the relay can do. */
  #tellOfFlat({ isFlat, minor, spoken }: Dialect): Effect.Effect<void> {
    if (!isFlat || this.#isFlatTold) return Effect.void
    this.#isFlatTold = true
    const { major } = Protocol.own
    const { name } = this.#options
    const detail = `${name}: the relay speaks ${major}.${minor}, the tracer was answered ${major}.${spoken}`
    return report("SESSION_FLATTENED", detail)
  }

  // ---- streams ---------------------------------------------------------------------------------------------------

  #packet(connection: RelayConnection, bytes: Buffer, from: number, to: number): void {
    this.#handles.inPacket(bytes, from)
    const stream = bytes.readBigUInt64BE(from + packetOffsets.streamId)
    const sequence = bytes.readBigUInt64BE(from + packetOffsets.netSeqNum)
    this.#arrivals.begun(stream, sequence)
    connection.packet = { stream, sequence }
    connection.streams.add(stream)
    connection.restBytes = packetHeadBytes + bytes.readUInt32BE(from + packetOffsets.dataSize)
    this.#passed(connection, to - from)
    if (this.#arrivals.isLast(stream, sequence)) this.#forget(stream)
  }

  /** So many bytes more of what began last on the connection. */
  #passed(connection: RelayConnection, byteCount: number): void {
    connection.restBytes -= byteCount
    const { packet } = connection
    if (connection.restBytes > 0 || packet === undefined) return
    connection.packet = undefined
    this.#arrivals.whole(packet.stream, packet.sequence)
  }

  #indexed(bytes: Buffer, at: number): void {
    const stream = bytes.readBigUInt64BE(at + SendIndex.offsets.relayStreamId)
    this.#arrivals.indexed(stream, bytes.readBigUInt64BE(at + SendIndex.offsets.netSeqNum))
  }

  /** Waits until the relay has the last packet of the stream that was sent. */
  #arrived(connection: RelayConnection, handle: bigint): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#surelyArrived(connection, handle)
      const due = this.#arrivals.due(handle)
      if (due === undefined) return
      if (yield* connection.mayHaveArrived(handle, due)) this.#arrivals.arrived(handle, due)
    })
  }

  /** … the last that was sent with its index. */
  #surelyArrived(connection: RelayConnection, handle: bigint): Effect.Effect<void, Failure> {
    const sure = this.#arrivals.sure(handle)
    if (sure === undefined) return Effect.void
    return Effect.map(connection.arrived(handle, sure), () => this.#arrivals.arrived(handle, sure))
  }

  /** The relay has closed it. */
  #close(bytes: Buffer, at: number): void {
    const stream = bytes.readBigUInt64BE(at)
    if (this.#arrivals.closed(stream, bytes.readBigUInt64BE(at + 8))) this.#forget(stream)
  }

  /** Forgets the stream: applications come and go while their session goes on. */
  #forget(stream: bigint): void {
    this.#arrivals.forget(stream)
    for (const { streams } of this.#connections.values()) streams.delete(stream)
    this.#handles.forget(stream)
    this.#translation.forget(stream)
  }
}
