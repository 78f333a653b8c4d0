/**
 * Sends a journal to a relay that takes none, as the tracer itself would: command by command, packet by packet, in the
 * version of the protocol that the relay speaks (`Translation`). Such a relay ends a session when its connection is
 * lost, so there is one attempt: what it did not get by then stays here.
 */
import { Effect, Exit, Result, Schema, Scope } from "effect"
import { report } from "../../errors/Report.ts"
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as CloseStream from "../../protocol/control/CloseStream.ts"
import * as CloseTraceChunk from "../../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as DataPending from "../../protocol/control/DataPending.ts"
import { nameOf } from "../../protocol/control/index.ts"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as SendMetadata from "../../protocol/control/SendMetadata.ts"
import * as Version from "../../protocol/control/Version.ts"
import { offsets as packetOffsets } from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { Handles } from "../../protocol/journal/Handles.ts"
import { headBytes, Kind, offsets } from "../../protocol/journal/Record.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { u64Max, viewOf } from "../../protocol/Struct.ts"
import * as Protocol from "../../protocol/Version.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as Dial from "../../transport/Dial.ts"
import type { TlsFailed } from "../../transport/tls/DialTls.ts"
import type { Journal } from "../journal/Journal.ts"
import { JournalReader, type RecordDamaged } from "../journal/JournalReader.ts"
import { command as framed } from "./Greeting.ts"
import type { LinkState } from "./LinkState.ts"
import { Loan } from "./Loan.ts"
import type { Pace } from "./Pace.ts"
import { Dialect, Translation } from "./Translation.ts"

export interface Addresses {
  readonly control: Dial.Address
  readonly data: Dial.Address
}

/** What became of a journal: `lost` says why not all of it is at the relay. */
export interface Done {
  readonly lost: string | undefined
}

/** The relay did not carry out a command that the edge had already answered. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { command: Schema.String, code: Schema.Int }) {
  override get message(): string {
    return `the relay refuses ${this.command} with ${this.code}`
  }
}

type Failure = Dial.DialFailed | TlsFailed | Dial.LinkLost | FileFailed | RecordDamaged

export interface Options {
  readonly to: Addresses
  readonly pace: Pace
  readonly link: LinkState
  /** The relay allows clearing. */
  readonly clears: boolean
  readonly onUp: () => void
}

/** So many indexes may be unanswered before the next command waits. */
const unansweredMax = 256
/** If data is pending for longer, the tracer never sent the index of a packet. */
const pendingWait = "50 millis"
const pendingCountMax = 200

interface Connection {
  readonly link: Dial.Link
  readonly scope: Scope.Closeable
  /** Indexes that were not answered yet. */
  unansweredCount: number
  readonly dialect: Dialect
}

class Conversation {
  readonly #options: Options
  readonly #connections = new Map<number, Connection>()
  readonly #handles = new Handles()
  readonly #translation = new Translation()
  /** By connection: handles from answers to ADD_STREAM, the oldest first. */
  readonly #added = new Map<number, Array<bigint>>()
  /** The last packet of each of the relay's streams. */
  readonly #newest = new Map<bigint, bigint>()
  /** Closed streams, and the packet with which each ends. */
  readonly #closed = new Map<bigint, bigint>()
  /** The relay has something of it, so that it cannot be begun again. */
  isBegun = false
  readonly #name: string
  #isFlatTold = false

  constructor(name: string, options: Options) {
    this.#name = name
    this.#options = options
  }

  record(bytes: Buffer, at: number): Effect.Effect<void, Failure | Refused, Scope.Scope> {
    const from = at + headBytes
    const to = from + bytes.readUInt32BE(at + offsets.byteCount)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    switch (bytes.readUInt16BE(at + offsets.kind)) {
      case Kind.control:
        return this.#dial(connection, "control")
      case Kind.data:
        return this.#dial(connection, "data")
      case Kind.command:
        return this.#command(connection, bytes, from, to)
      case Kind.packet:
        this.#packet(bytes, from)
        return this.#write(connection, bytes.subarray(from, to))
      case Kind.rest:
        return this.#rest(connection, bytes, from, to)
      case Kind.handle: {
        const handle = this.#added.get(connection)?.shift() ?? u64Max
        this.#handles.set(bytes.readBigUInt64BE(from), handle)
        return Effect.void
      }
      case Kind.end:
        return this.#end(connection)
      default:
        return Effect.void
    }
  }

  #packet(bytes: Buffer, from: number): void {
    this.#handles.inPacket(bytes, from)
    const stream = bytes.readBigUInt64BE(from + packetOffsets.streamId)
    const sequence = bytes.readBigUInt64BE(from + packetOffsets.netSeqNum)
    this.#newest.set(stream, sequence)
    if (sequence === this.#closed.get(stream)) this.#forget(stream)
  }

  /** The relay has closed it; packets that were heard later may still come. */
  #close(bytes: Buffer, at: number): void {
    const stream = bytes.readBigUInt64BE(at)
    const last = bytes.readBigUInt64BE(at + 8)
    if (last === u64Max || this.#newest.get(stream) === last) this.#forget(stream)
    else this.#closed.set(stream, last)
  }

  /** Forgets the stream: applications come and go while their session goes on. */
  #forget(stream: bigint): void {
    this.#closed.delete(stream)
    this.#newest.delete(stream)
    this.#handles.forget(stream)
    this.#translation.forget(stream)
  }

  #dial(number: number, role: "control" | "data"): Effect.Effect<void, Failure, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const link = yield* Scope.provide(Dial.dial(this.#options.to[role], role), scope)
      this.#connections.set(number, { link, scope, unansweredCount: 0, dialect: new Dialect(this.#options.clears) })
    })
  }

  #write(number: number, bytes: Uint8Array): Effect.Effect<void, Failure> {
    const link = this.#connections.get(number)?.link
    if (link === undefined) return Effect.void
    link.write([bytes], this.#loan.more())
    return link.drained
  }

  /** Records given to `record` from now on lie in the buffer of `loan`. */
  begin(loan: Loan): void {
    this.#loan = loan
  }
  #loan = new Loan(() => {})

  /** The tracer closed the connection: closes the one to the relay once that has everything. */
  #end(number: number): Effect.Effect<void, Failure | Refused> {
    return Effect.gen({ self: this }, function* () {
      const connection = this.#connections.get(number)
      if (connection === undefined) return
      yield* this.#indexesAnswered(connection)
      if (connection.dialect.minor > 0) {
        for (const handle of this.#newest.keys()) yield* this.#arrived(connection, handle)
      }
      this.#connections.delete(number)
      yield* Scope.close(connection.scope, Exit.void)
    })
  }

  // ---- commands --------------------------------------------------------------------------------------------------

  #command(number: number, bytes: Buffer, from: number, to: number): Effect.Effect<void, Failure | Refused> {
    return Effect.gen({ self: this }, function* () {
      const connection = this.#connections.get(number)
      if (connection === undefined) return
      const command = bytes.readUInt32BE(from + Header.offsets.command)
      const { dialect } = connection
      this.#handles.inCommand(bytes, from, to)
      const request = this.#translation.command(dialect, bytes, from, to)
      if (request === undefined) return
      if (command === SendIndex.number) {
        connection.unansweredCount++
        yield* this.#write(number, request)
        if (connection.unansweredCount > unansweredMax) yield* this.#indexesAnswered(connection)
        return
      }
      if (command === SendMetadata.number) return yield* this.#write(number, request)
      yield* this.#indexesAnswered(connection)
      if (command === CloseStream.number) {
        yield* this.#arrived(connection, bytes.readBigUInt64BE(from + Header.size))
      }
      if (command === CreateSession.number) {
        this.isBegun = true
        yield* this.#tellOfFlat(dialect)
      }
      if (command === Version.number) dialect.spoken = Protocol.negotiate(bytes.readUInt32BE(from + Header.size + 4))
      yield* this.#write(number, request)
      yield* this.#reply(number, connection, command)
      if (command === CloseStream.number) this.#close(bytes, from + Header.size)
    })
  }

  #rest(number: number, bytes: Buffer, from: number, to: number): Effect.Effect<void, Failure> {
    const dialect = this.#connections.get(number)?.dialect
    const rest = dialect === undefined ? undefined : this.#translation.rest(dialect, bytes, from, to)
    return rest === undefined ? Effect.void : this.#write(number, rest)
  }

  /** The tracer was answered before it was known how little the relay can do. */
  #tellOfFlat({ isFlat, minor, spoken }: Dialect): Effect.Effect<void> {
    if (!isFlat || this.#isFlatTold) return Effect.void
    this.#isFlatTold = true
    const { major } = Protocol.own
    const detail = `${this.#name}: the relay speaks ${major}.${minor}, the tracer was answered ${major}.${spoken}`
    return report("SESSION_FLATTENED", detail)
  }

  #reply(number: number, connection: Connection, command: number): Effect.Effect<void, Failure | Refused> {
    return Effect.gen({ self: this }, function* () {
      const { link } = connection
      const refuse = (code: number) => new Refused({ command: nameOf(command), code })
      if (command === Version.number) {
        const view = viewOf(yield* link.read(8))
        const { dialect } = connection
        dialect.minor = Protocol.negotiate(Math.min(view.getUint32(4), dialect.spoken))
        return
      }
      const isPathed = command === CreateSession.number && Protocol.features(connection.dialect.minor).dynamicLayouts
      const headBytes = isPathed ? 16 : replyBytes(command)
      const view = viewOf(yield* link.read(headBytes))
      const code = view.getUint32(codeAt(command))
      const tailBytes = code === ReturnCode.OK ? tailBytesOf(command, view) : 0
      if (tailBytes > pathBytesMax) {
        return yield* new Dial.LinkLost({ address: link.name, reason: `it answers with a path of ${tailBytes} bytes` })
      }
      if (tailBytes > 0) yield* link.read(tailBytes)
      if (command === AddStream.number) {
        const added = this.#added.get(number) ?? []
        this.#added.set(number, [...added, code === ReturnCode.OK ? view.getBigUint64(0) : u64Max])
      }
      if (code !== ReturnCode.OK) return yield* refuse(code)
    })
  }

  #indexesAnswered(connection: Connection): Effect.Effect<void, Failure | Refused> {
    return Effect.gen(function* () {
      const count = connection.unansweredCount
      if (count === 0) return
      connection.unansweredCount = 0
      const view = viewOf(yield* connection.link.read(4 * count))
      for (let at = 0; at < 4 * count; at += 4) {
        const code = view.getUint32(at)
        if (code !== ReturnCode.OK) return yield* new Refused({ command: nameOf(SendIndex.number), code })
      }
    })
  }

  /** Waits until the relay has the last packet of the stream that was sent. */
  #arrived(connection: Connection, handle: bigint): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const lastNetSeqNum = this.#newest.get(handle)
      if (lastNetSeqNum === undefined) return
      const question = DataPending.request(0).encode({ streamId: handle, lastNetSeqNum })
      for (let count = 0; count < pendingCountMax; count++) {
        connection.link.write([framed(DataPending.number, question)])
        const answer = viewOf(yield* connection.link.read(4)).getUint32(0)
        if (answer !== ReturnCode.PENDING) return
        yield* Effect.sleep(pendingWait)
      }
    })
  }
}

const replyBytes = (command: number): number => {
  if (command === AddStream.number || command === CreateSession.number) return 12
  return command === CloseTraceChunk.number ? 8 : 4
}

const codeAt = (command: number): number => (command === CreateSession.number || command === AddStream.number ? 8 : 0)

/** Bytes of a name, its NUL included. */
const pathBytesMax = 4096

const tailBytesOf = (command: number, head: DataView): number => {
  if (command === CreateSession.number && head.byteLength === 16) return head.getUint32(12)
  return command === CloseTraceChunk.number ? head.getUint32(4) : 0
}

/** Sends the journal until the relay has all of it, or is lost. */
export const forwardPlain = (journal: Journal, options: Options): Effect.Effect<Done, Failure, Scope.Scope> => {
  const conversation = new Conversation(journal.about.name, options)
  const reader = new JournalReader(journal, 1)
  const some = Effect.gen(function* () {
    const { bytes, from, last, release, to } = yield* reader.read
    const loan = new Loan(release)
    conversation.begin(loan)
    const carriedOut = Effect.gen(function* () {
      yield* options.pace.admit(to - from)
      for (let at = from; at < to; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
        yield* conversation.record(bytes, at)
        if (bytes.readUInt16BE(at + offsets.kind) === Kind.finish) return { lost: undefined }
      }
      options.link.sentByteCount += to - from
      yield* journal.acknowledge(last, conversation.isBegun ? last : 0)
      return undefined
    })
    return yield* Effect.ensuring(Effect.interruptible(carriedOut), Effect.sync(loan.over))
  })
  const all = Effect.gen(function* () {
    while (true) {
      const done = yield* Effect.uninterruptible(some)
      if (done !== undefined) return done
    }
  }).pipe(Effect.ensuring(reader.close))
  return Effect.gen(function* () {
    if ((journal.segments.first ?? 1) > 1)
      return { lost: "the relay takes no journals, and its beginning was forwarded" }
    options.onUp()
    journal.passed?.hear()
    const done = yield* Effect.result(all)
    options.link.down(Result.isFailure(done))
    if (Result.isSuccess(done)) return done.success
    const { failure } = done
    if (!conversation.isBegun && failure._tag !== "Refused") return yield* Effect.fail(failure)
    return { lost: failure.message }
  })
}
