/**
 * What waits for a write that a log has given to another thread: the stream's fiber, and connections whose answers
 * depend on it. A log gives away one write at a time.
 */
import { Effect } from "effect"
import { setImmediate, setTimeout } from "../../Machine.ts"
import type { Stage } from "./Stage.ts"

/** A write that has not begun after this time waits behind another device: the loop does it itself. */
const turnMillis = 4

export class BesideWaiting {
  #fiber: (() => void) | undefined
  #others: Array<() => void> = []

  /** Calls `told` once, in a turn of its own, when the write that is under way now is settled. */
  add(told: () => void): void {
    this.#others.push(told)
  }

  /** The write is settled: calls all that were added. */
  tell(): void {
    if (this.#others.length === 0) return
    for (const told of this.#others.splice(0)) setImmediate(told)
  }

  /** For the fiber that runs `stage`: ends when the other thread can write no more of it. */
  all(stage: Stage, onBeside: () => void): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (stage.isBeside) {
        yield* this.#done(stage)
        stage.settle()
        stage.writeDataBeside(onBeside)
      }
    })
  }

  #done(stage: Stage): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (stage.isBesideDone) return resume(Effect.void)
      this.#fiber = () => resume(Effect.void)
      setTimeout(() => {
        if (stage.isBesideWaiting) this.wakeFiber()
      }, turnMillis)
    })
  }

  /** Lets the fiber go on. False: it was not waiting. */
  wakeFiber(): boolean {
    const wake = this.#fiber
    this.#fiber = undefined
    wake?.()
    return wake !== undefined
  }
}
