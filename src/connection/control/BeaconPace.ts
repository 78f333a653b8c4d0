/**
 * A tracer waits for the answer to each beacon before it sends the next. With a live timer below `hastyTimerMicros` it
 * always has another one to send, although viewers could not be told sooner. So while it sends nothing but beacons, it
 * is answered at most every `beaconPauseMillis`.
 */
import { clockMillis } from "../../Machine.ts"

const hastyTimerMicros = 5000
export const beaconPauseMillis = 8
/** For so long after another command than a beacon every answer leaves at once. */
const busyMillis = 100

export class BeaconPace {
  /** Only beacons are being answered. Reset by whoever handles another command. */
  hasOnlyBeacons = true
  #answeredAt = Number.NEGATIVE_INFINITY
  /** When something else than a beacon was answered. */
  #busyAt = 0

  /** Whether the answer should wait, in a session with this live timer, in µs. */
  isTooThick(liveTimer: number): boolean {
    if (!this.hasOnlyBeacons || liveTimer >= hastyTimerMicros) return false
    const now = clockMillis()
    return now - this.#answeredAt < beaconPauseMillis && now - this.#busyAt > busyMillis
  }

  /** Answers how long before `now` the last answer was; undefined: only beacons are answered. */
  answered(now: number): number | undefined {
    const millis = this.hasOnlyBeacons ? undefined : now - this.#answeredAt
    if (millis !== undefined) this.#busyAt = now
    this.hasOnlyBeacons = true
    this.#answeredAt = now
    return millis
  }
}
