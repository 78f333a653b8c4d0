/**
 * How quickly all journals flow to the relay. Over a link that is as quick as the machine's own memory the spool is a
 * detour: tracers are held for moments, as the relay would hold them, so that what they say goes on from memory and
 * segments are written over. Over any other link they are not held for that.
 */
import { clockMillis } from "../../Machine.ts"

/** Bytes a millisecond, over all journals: more than most networks. */
const quickRate = 200 * 1024
const windowMillis = 100
/** What was quick so long ago says nothing. */
const staleMillis = 300

/** With less to send nobody is held; with more than the second the link was away, and has to catch up. */
const nearBytes = 3 * 1024 * 1024
const scarceBytes = 64 * 1024
const farBytes = 128 * 1024 * 1024

export class Flow {
  #begun = 0
  #byteCount = 0
  #rate = 0

  sent(byteCount: number): void {
    const now = clockMillis()
    this.#byteCount += byteCount
    const millis = now - this.#begun
    if (millis < windowMillis) return
    this.#rate = millis < staleMillis ? this.#byteCount / millis : 0
    this.#begun = now
    this.#byteCount = 0
  }

  /** The tracer waits for the link; `isScarce`: what it says is, or would soon be, read back. */
  holds(unsentBytes: () => number, isScarce: boolean): boolean {
    if (this.#rate < quickRate || clockMillis() - this.#begun > staleMillis) return false
    const byteCount = unsentBytes()
    return byteCount > (isScarce ? scarceBytes : nearBytes) && byteCount < farBytes
  }
}
