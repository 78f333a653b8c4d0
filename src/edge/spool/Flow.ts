/**
 * How fast all journals go to the relay, and whether tracers should wait for that. Over a link as fast as the machine's
 * own memory it pays to hold tracers for moments, as the relay would: what they sent is then forwarded from memory, and
 * the same few segments are written over. A slower link holds nobody: what it cannot take stays in the spool.
 */
import { clockMillis } from "../../Machine.ts"

/** Bytes a millisecond, over all journals: a faster link is as fast as memory. */
const quickRate = 200 * 1024
const windowMillis = 100
/** A rate that was measured longer ago says nothing. */
const staleMillis = 300

/** While less waits to be sent, no tracer is held. */
const nearBytes = 3 * 1024 * 1024
/** The same when memory is scarce. */
const scarceBytes = 64 * 1024
/** If more waits to be sent, the link was away and has to catch up: tracers do not wait for that. */
const farBytes = 128 * 1024 * 1024

export class Flow {
  #begun = 0
  #byteCount = 0
  #rate = 0

  /** The link took so many bytes. */
  sent(byteCount: number): void {
    const now = clockMillis()
    this.#byteCount += byteCount
    const millis = now - this.#begun
    if (millis < windowMillis) return
    this.#rate = millis < staleMillis ? this.#byteCount / millis : 0
    this.#begun = now
    this.#byteCount = 0
  }

  /** Whether a tracer is held. `isScarce`: what it sent is read back from the spool, or soon would be. */
  holds(unsentBytes: () => number, isScarce: boolean): boolean {
    if (this.#rate < quickRate || clockMillis() - this.#begun > staleMillis) return false
    const byteCount = unsentBytes()
    return byteCount > (isScarce ? scarceBytes : nearBytes) && byteCount < farBytes
  }
}
