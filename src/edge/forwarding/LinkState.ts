/** How it is between an edge and its relay, over all journals. */
import { Effect } from "effect"
import { report } from "../../errors/Report.ts"
import { clockMillis } from "../../Machine.ts"
import type { Greeted } from "./Greeting.ts"
import { LinkRate } from "./LinkRate.ts"

/** A relay that stays away is told of again. */
const againMillis = 60_000

export class LinkState {
  readonly rate = new LinkRate()
  connectedCount = 0
  /** Why the last attempt failed; undefined after one that did not. */
  reason: string | undefined
  /** What the relay can do; undefined: it has not been heard. */
  relay: Pick<Greeted, "minor" | "clears" | "edges"> | undefined
  #saidAt = Number.NEGATIVE_INFINITY
  sentByteCount = 0
  /** Of it: what had been sent before. */
  resentByteCount = 0
  /** That packing spared. */
  savedByteCount = 0
  lossCount = 0

  up(): void {
    this.connectedCount++
    this.reason = undefined
  }

  /** `isLost`: before all of a journal was there. */
  down(isLost: boolean): void {
    this.connectedCount--
    if (isLost) this.lossCount++
  }

  /** Told once for all journals, and again after a minute. */
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
