/**
 * What the tracer of one stream lost, from the counters that it writes into its packets and repeats in their indexes
 * (streaming.md §6.6, ctf.md): events it had no room for, and packets that were overwritten before they were sent.
 */

import * as CtfIndex from "../protocol/CtfIndex.ts"
import { u64At } from "../protocol/Struct.ts"

const eventsDiscardedAt = CtfIndex.fieldOffset("eventsDiscarded")
const packetSeqNumAt = CtfIndex.fieldOffset("packetSeqNum")

export class Losses {
  /** As the tracer counts: since the stream began there. */
  eventsDiscarded = 0
  /** Gaps between the sequence numbers of packets that came; 0 for tracers that do not number them. */
  packetsLost = 0
  readonly #isNumbered: boolean
  nextSeqNum: number | undefined

  constructor(isNumbered: boolean) {
    this.#isNumbered = isNumbered
  }

  /** One index record on its way to the file, without its offset. */
  add(fields: Buffer, at: number): void {
    const discarded = u64At(fields, at + eventsDiscardedAt)
    // The counter of a tracer of 32 bits wraps: what was lost before stays counted.
    if (discarded > this.eventsDiscarded) this.eventsDiscarded = discarded
    if (!this.#isNumbered) return
    const seqNum = u64At(fields, at + packetSeqNumAt)
    const expected = this.nextSeqNum
    if (expected !== undefined && seqNum > expected) this.packetsLost += seqNum - expected
    this.nextSeqNum = seqNum + 1
  }
}
