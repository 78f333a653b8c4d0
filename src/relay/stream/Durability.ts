/**
 * How much of one stream is in its files (`durable`), and how much would outlive a power cut (`stable`). What is
 * written is made stable some time later, together with what came meanwhile (`SyncPlan.intervalMillis`).
 */
import { setTimeout } from "../../Machine.ts"
import type { SyncPlan } from "../../model/Sync.ts"

/** How far a stream's logical state had come at some moment. */
export interface Progress {
  readonly prevDataSeq: bigint
  readonly prevIndexSeq: bigint
  readonly indexCount: number
  readonly packetCount: number
  readonly byteCount: number
}

export class Durability {
  readonly #plan: SyncPlan | undefined
  readonly #onDurable: () => void
  readonly #onTime: () => void
  #durable: Progress
  /** `durable` as it was when the files were last synced. */
  #stable: Progress
  #isTimed = false

  /**
   * Without a `plan` nothing is ever synced. `onDurable` is called whenever `durable` has advanced, `onTime` when it is
   * time to sync.
   */
  constructor(start: Progress, plan: SyncPlan | undefined, onDurable: () => void, onTime: () => void) {
    this.#durable = start
    this.#stable = start
    this.#plan = plan
    this.#onDurable = onDurable
    this.#onTime = onTime
  }

  get durable(): Progress {
    return this.#durable
  }

  /** Where nothing is ever synced, `durable`. */
  get stable(): Progress {
    return this.#plan === undefined ? this.#durable : this.#stable
  }

  /** All that is durable is stable as well. */
  get isStable(): boolean {
    return this.stable === this.#durable
  }

  /** Everything up to `progress` was written; `isSynced`: and is synced. */
  advance(progress: Progress, isSynced: boolean): void {
    this.#durable = progress
    if (isSynced) this.#stable = progress
    this.#onDurable()
    if (!isSynced) this.#setTimer()
  }

  #setTimer(): void {
    const millis = this.#plan?.intervalMillis
    if (millis === undefined || this.#isTimed) return
    this.#isTimed = true
    setTimeout(this.#timePassed, millis).unref()
  }

  readonly #timePassed = (): void => {
    this.#isTimed = false
    this.#onTime()
  }
}
