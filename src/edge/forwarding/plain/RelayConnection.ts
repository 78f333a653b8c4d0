/** One of the tracer's connections, as the edge has it to a relay that takes no journals: questions, and answers. */
import { Effect, Exit, Schema, Scope } from "effect"
import * as AddStream from "../../../protocol/control/AddStream.ts"
import * as CloseTraceChunk from "../../../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../../../protocol/control/CreateSession.ts"
import * as DataPending from "../../../protocol/control/DataPending.ts"
import { nameOf } from "../../../protocol/control/index.ts"
import * as QuiescentControl from "../../../protocol/control/QuiescentControl.ts"
import * as SendIndex from "../../../protocol/control/SendIndex.ts"
import * as Version from "../../../protocol/control/Version.ts"
import * as ReturnCode from "../../../protocol/ReturnCode.ts"
import { u64Max, viewOf } from "../../../protocol/Struct.ts"
import * as Protocol from "../../../protocol/Version.ts"
import * as Dial from "../../../transport/Dial.ts"
import type { TlsFailed } from "../../../transport/tls/DialTls.ts"
import { command as framed } from "../Greeting.ts"
import type { Dialect } from "./Translation.ts"

/** The relay did not carry out a command that the edge had already answered. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { command: Schema.String, code: Schema.Int }) {
  override get message(): string {
    return `the relay refuses ${this.command} with ${this.code}`
  }
}

/** So many indexes may be unanswered before the next command waits. */
const unansweredMax = 256
/** How often the relay is asked for a packet. */
const pendingWait = "50 millis"
/** If it is pending for longer, the tracer never sent its rest, or its index. */
const pendingCountMax = 200
/** An hour: nor does a relay get for ever what it was sent. */
const sureCountMax = 72_000
/** Bytes of a name, its NUL included. */
const pathBytesMax = 4096

export class RelayConnection {
  readonly dialect: Dialect
  readonly #link: Dial.Link
  readonly #scope: Scope.Closeable
  #unansweredCount = 0
  /** Bytes that are missing of the message that began last. */
  restBytes = 0
  /** The stream whose metadata, to which there is no answer, came behind the last answer. */
  unsettled: bigint | undefined
  /** The packet that began last, until it is whole. */
  packet: { readonly stream: bigint; readonly sequence: bigint } | undefined
  /** Streams of which packets came by it, by the relay's handles. */
  readonly streams = new Set<bigint>()
  /** Answers to ADD_STREAM, the oldest first. */
  readonly #added: Array<{ readonly handle: bigint; readonly code: number }> = []

  private constructor(link: Dial.Link, scope: Scope.Closeable, dialect: Dialect) {
    this.#link = link
    this.#scope = scope
    this.dialect = dialect
  }

  static dial(
    to: Dial.Address,
    role: "control" | "data",
    dialect: Dialect
  ): Effect.Effect<RelayConnection, Dial.DialFailed | TlsFailed, Scope.Scope> {
    return Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const link = yield* Scope.provide(Dial.dial(to, role), scope)
      return new RelayConnection(link, scope, dialect)
    })
  }

  /** Waits until the system has all that was written: a close does not, if the relay is slow. */
  get flushed(): Effect.Effect<void, Dial.LinkLost> {
    const written = Effect.callback<void>((resume) => this.#link.write([new Uint8Array(0)], () => resume(Effect.void)))
    return Effect.andThen(written, this.#link.drained)
  }

  get close(): Effect.Effect<void> {
    return Scope.close(this.#scope, Exit.void)
  }

  /** `onSent`: the bytes are not needed any more. */
  write(bytes: Uint8Array, onSent: () => void): Effect.Effect<void, Dial.LinkLost> {
    this.#link.write([bytes], onSent)
    return this.#link.drained
  }

  /**
   * The relay's handle of the stream that was added before all others that were not asked for yet. `edges`: what the
   * tracer was answered, which may have been a refusal, too.
   */
  handleOf(edges: bigint): Effect.Effect<bigint, Refused> {
    const { code = ReturnCode.OK, handle = u64Max } = this.#added.shift() ?? {}
    return Effect.as(edges === u64Max ? Effect.void : carriedOut(AddStream.number, code), handle)
  }

  /** After a SEND_INDEX, whose answer may come later. */
  get indexSent(): Effect.Effect<void, Dial.LinkLost | Refused> {
    return ++this.#unansweredCount > unansweredMax ? this.indexesAnswered : Effect.void
  }

  get indexesAnswered(): Effect.Effect<void, Dial.LinkLost | Refused> {
    return Effect.gen({ self: this }, function* () {
      const count = this.#unansweredCount
      if (count === 0) return
      this.#unansweredCount = 0
      const view = viewOf(yield* this.#link.read(4 * count))
      for (let at = 0; at < 4 * count; at += 4) yield* carriedOut(SendIndex.number, view.getUint32(at))
    })
  }

  /** Reads the answer to a command that has one. */
  answered(command: number): Effect.Effect<void, Dial.LinkLost | Refused> {
    return Effect.gen({ self: this }, function* () {
      const { dialect } = this
      this.unsettled = undefined
      if (command === Version.number) {
        const view = viewOf(yield* this.#link.read(8))
        dialect.minor = Protocol.negotiate(Math.min(view.getUint32(4), dialect.spoken))
        return
      }
      const view = viewOf(yield* this.#link.read(headBytesOf(command, dialect.minor)))
      const code = view.getUint32(codeAt(command))
      const tailBytes = code === ReturnCode.OK ? tailBytesOf(command, view) : 0
      if (tailBytes > pathBytesMax) {
        const reason = `it answers with a path of ${tailBytes} bytes`
        return yield* new Dial.LinkLost({ address: this.#link.name, reason })
      }
      if (tailBytes > 0) yield* this.#link.read(tailBytes)
      if (command === AddStream.number) this.#added.push({ handle: view.getBigUint64(0), code })
      else yield* carriedOut(command, code)
    })
  }

  /** The relay can be asked something by it: not in the midst of a message. */
  get isAsked(): boolean {
    return this.dialect.minor > 0 && this.restBytes === 0
  }

  /** Waits until the relay has carried out all that came by it. */
  get settled(): Effect.Effect<void, Dial.LinkLost | Refused> {
    return Effect.gen({ self: this }, function* () {
      yield* this.indexesAnswered
      if (this.unsettled === undefined || !this.isAsked) return
      const question = QuiescentControl.request(0).encode({ streamId: this.unsettled })
      this.#link.write([framed(QuiescentControl.number, question)])
      yield* this.answered(QuiescentControl.number)
    })
  }

  /** Waits until the relay has the packet of that number, which was sent with its index. */
  arrived(streamId: bigint, lastNetSeqNum: bigint): Effect.Effect<void, Dial.LinkLost> {
    const reason = `it does not get packet ${lastNetSeqNum} of stream ${streamId}`
    const lost = Effect.fail(new Dial.LinkLost({ address: this.#link.name, reason }))
    return Effect.flatMap(this.#asked(streamId, lastNetSeqNum, sureCountMax), (is) => (is ? Effect.void : lost))
  }

  /** The same of one that may never be whole, or be without its index: false then. */
  mayHaveArrived(streamId: bigint, lastNetSeqNum: bigint): Effect.Effect<boolean, Dial.LinkLost> {
    return this.#asked(streamId, lastNetSeqNum, pendingCountMax)
  }

  #asked(streamId: bigint, lastNetSeqNum: bigint, countMax: number): Effect.Effect<boolean, Dial.LinkLost> {
    return Effect.gen({ self: this }, function* () {
      const question = DataPending.request(0).encode({ streamId, lastNetSeqNum })
      for (let count = 0; count < countMax; count++) {
        this.#link.write([framed(DataPending.number, question)])
        const answer = viewOf(yield* this.#link.read(4)).getUint32(0)
        if (answer !== ReturnCode.PENDING) return true
        yield* Effect.sleep(pendingWait)
      }
      return false
    })
  }
}

const carriedOut = (command: number, code: number): Effect.Effect<void, Refused> =>
  code === ReturnCode.OK ? Effect.void : Effect.fail(new Refused({ command: nameOf(command), code }))

const headBytesOf = (command: number, minor: number): number => {
  if (command === CreateSession.number && Protocol.features(minor).dynamicLayouts) return 16
  if (command === AddStream.number || command === CreateSession.number) return 12
  return command === CloseTraceChunk.number ? 8 : 4
}

const codeAt = (command: number): number => (command === CreateSession.number || command === AddStream.number ? 8 : 0)

const tailBytesOf = (command: number, head: DataView): number => {
  if (command === CreateSession.number && head.byteLength === 16) return head.getUint32(12)
  return command === CloseTraceChunk.number ? head.getUint32(4) : 0
}
