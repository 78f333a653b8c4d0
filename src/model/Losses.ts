/**
 * What the tracer of one stream lost, from the counters that it writes into its packets and repeats in their indexes
 * (streaming.md §6.6, ctf.md): events it had no room for, and packets that were overwritten before they were sent.
 */
import * as CtfIndex from "../protocol/CtfIndex.ts"
import { u64At } from "../protocol/Struct.ts"

const eventsDiscardedAt = CtfIndex.fieldOffset("eventsDiscarded")
const packetSeqNumAt = CtfIndex.fieldOffset("packetSeqNum")

export class Losses {
  /** Events discarded since the stream began at the tracer, as that counts. */
  eventsDiscarded = 0
  /** Gaps between the sequence numbers of packets that came; 0 for tracers that do not number them. */
  packetsLost = 0
  readonly #isNumbered: boolean
  nextSeqNum: number | undefined

  constructor(isNumbered: boolean) {
    this.#isNumbered = isNumbered
  }

  /** Adds an index record on its way to the file; from `at`, `fields` has it without the offset. */
  add(fields: Buffer, at: number): void {
    const discarded = u64At(fields, at + eventsDiscardedAt)
    // A 32-bit tracer's counter wraps: the largest value is kept.
    if (discarded > this.eventsDiscarded) this.eventsDiscarded = discarded
    if (!this.#isNumbered) return
    const seqNum = u64At(fields, at + packetSeqNumAt)
    const expected = this.nextSeqNum
    if (expected !== undefined && seqNum > expected) this.packetsLost += seqNum - expected
    this.nextSeqNum = seqNum + 1
  }
}
