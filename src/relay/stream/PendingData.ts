/** Whether something of a stream up to a packet's number is missing in its files: DATA_PENDING (streaming.md §6.8). */
import { Effect } from "effect"
import type { Stream } from "../../model/Stream.ts"
import { fileWait, Patience } from "../Patience.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import type { Progress } from "./Durability.ts"
import type { WriteLog } from "./WriteLog.ts"

/** A peer asks for pending data every 200 ms. Whoever asks again sooner than this is in a loop, and is held back. */
const hastyMillis = 20

type Seqs = Pick<Progress, "prevDataSeq" | "prevIndexSeq">

export class PendingData {
  readonly #model: Stream<TraceChunk>
  readonly #log: WriteLog
  readonly #patience: Patience<bigint, boolean, boolean>

  /** `moved` gives an effect that ends when the stream has come further than it is now. */
  constructor(model: Stream<TraceChunk>, log: WriteLog, moved: () => Effect.Effect<void>) {
    this.#model = model
    this.#log = log
    this.#patience = new Patience(
      hastyMillis,
      (lastNetSeqNum: bigint) => this.#isPending(lastNetSeqNum),
      (answer) => (typeof answer === "boolean" ? answer : undefined),
      moved
    )
  }

  ask(lastNetSeqNum: bigint): boolean | Effect.Effect<boolean> {
    return this.#patience.ask(lastNetSeqNum)
  }

  #isPending(lastNetSeqNum: bigint): boolean | Effect.Effect<boolean> {
    const log = this.#log
    if (isBehind(this.#seqOf(this.#model), lastNetSeqNum)) return true
    // What a failed log has not written never gets into the files: its session ends, and that is the answer.
    const isDone = () => log.isStable && log.failure === undefined
    const isInNoFile = () => !isDone() && isBehind(this.#writtenSeqOf(log.stable), lastNetSeqNum)
    if (!isInNoFile()) return false
    return Effect.map(Effect.timeoutOption(Effect.ignore(log.synced), fileWait), isInNoFile)
  }

  /**
   * How far the stream has come: the lesser of packet and record. As the reference compares them, without a sign, so
   * that before the first record (`noSeq`, the largest number) packets alone count (streaming.md §6.8).
   */
  #seqOf({ prevDataSeq, prevIndexSeq }: Seqs): bigint {
    return this.#model.hasIndex && prevIndexSeq < prevDataSeq ? prevIndexSeq : prevDataSeq
  }

  /** The same for what is written. Here `noSeq` counts as the number before 0: without a record nothing is whole. */
  #writtenSeqOf({ prevDataSeq, prevIndexSeq }: Seqs): bigint {
    return this.#model.hasIndex && isBehind(prevIndexSeq, prevDataSeq) ? prevIndexSeq : prevDataSeq
  }
}

/** Wrap-safe: sequence numbers are compared by their signed difference. */
const isBehind = (seq: bigint, last: bigint) => BigInt.asIntN(64, seq - last) < 0n
