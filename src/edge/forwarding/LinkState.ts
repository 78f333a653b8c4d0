/** The state of the link between an edge and its relay, over all journals. */
import { Effect } from "effect"
import { report } from "../../errors/Report.ts"
import { clockMillis } from "../../Machine.ts"
import type { Greeted } from "./Greeting.ts"
import { LinkRate } from "./LinkRate.ts"

/** If the relay stays away, the log says so again after this time. */
const againMillis = 60_000

export class LinkState {
  readonly rate = new LinkRate()
  connectedCount = 0
  /** Why the last attempt failed; undefined after one that did not. */
  reason: string | undefined
  /** What the relay can do; undefined: not known yet. */
  relay: Pick<Greeted, "minor" | "clears" | "edges"> | undefined
  #saidAt = Number.NEGATIVE_INFINITY
  sentByteCount = 0
  /** Of these bytes: those that had been sent before. */
  resentByteCount = 0
  /** Bytes that packing saved. */
  savedByteCount = 0
  lossCount = 0

  up(): void {
    this.connectedCount++
    this.reason = undefined
  }

  /** A connection has ended. `isLost`: before the relay had all of its journal. */
  down(isLost: boolean): void {
    this.connectedCount--
    if (isLost) this.lossCount++
  }

  /** Logs it once for all journals, and again after a minute. */
  failed(reason: string, code: "EDGE_CIRCLE" | "RELAY_UNREACHABLE" = "RELAY_UNREACHABLE"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.reason = reason
      const now = clockMillis()
      if (now - this.#saidAt < againMillis) return Effect.void
      this.#saidAt = now
      return report(code, reason)
    })
  }
}
