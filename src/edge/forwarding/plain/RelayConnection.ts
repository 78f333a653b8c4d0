/** One of the tracer's connections, as the edge has it to a relay that takes no journals: questions, and answers. */
import { Effect, Exit, Schema, Scope } from "effect"
import * as AddStream from "../../../protocol/control/AddStream.ts"
import * as CloseTraceChunk from "../../../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../../../protocol/control/CreateSession.ts"
import * as DataPending from "../../../protocol/control/DataPending.ts"
import { nameOf } from "../../../protocol/control/index.ts"
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
/** If data is pending for longer, the tracer never sent the index of a packet. */
const pendingWait = "50 millis"
const pendingCountMax = 200
/** Bytes of a name, its NUL included. */
const pathBytesMax = 4096

export class RelayConnection {
  readonly dialect: Dialect
  readonly #link: Dial.Link
  readonly #scope: Scope.Closeable
  #unansweredCount = 0
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

  /** Waits until the relay has the packet of that number. */
  arrived(streamId: bigint, lastNetSeqNum: bigint): Effect.Effect<void, Dial.LinkLost> {
    return Effect.gen({ self: this }, function* () {
      const question = DataPending.request(0).encode({ streamId, lastNetSeqNum })
      for (let count = 0; count < pendingCountMax; count++) {
        this.#link.write([framed(DataPending.number, question)])
        const answer = viewOf(yield* this.#link.read(4)).getUint32(0)
        if (answer !== ReturnCode.PENDING) return
        yield* Effect.sleep(pendingWait)
      }
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
