/**
 * Who waits until another thread has written what a log gave it: the stream's fiber, and connections that owe an
 * answer. A log gives away one thing at a time.
 */
import { Effect } from "effect"
import { setImmediate, setTimeout } from "../../Machine.ts"
import type { Stage } from "./Stage.ts"

/** What has not had its turn after so long waits behind another device: the loop does it. */
const turnMillis = 4

export class BesideWaiting {
  #fiber: (() => void) | undefined
  #others: Array<() => void> = []

  /** Calls `told` once, in a turn of its own, when the other thread no longer writes what it does now. */
  add(told: () => void): void {
    this.#others.push(told)
  }

  /** Tells those: what was given away is settled. */
  tell(): void {
    if (this.#others.length === 0) return
    for (const told of this.#others.splice(0)) setImmediate(told)
  }

  /** For the fiber that runs `stage`: until another thread has written what it can of it. */
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

  /** True: the fiber waited, and goes on. */
  wakeFiber(): boolean {
    const wake = this.#fiber
    this.#fiber = undefined
    wake?.()
    return wake !== undefined
  }
}
