/** A disk of a simulated world: it takes its time, stalls, fails and is full at times, until it is healed. */
import { Effect } from "effect"
import { FileFailed, type Files } from "../../../src/storage/Files.ts"
import * as GatedFiles from "../../../src/storage/GatedFiles.ts"
import { MemoryFiles } from "../../../src/storage/MemoryFiles.ts"
import type { Random } from "../../support/Random.ts"

const codes = ["EIO", "ENOSPC", "EMFILE", "EACCES", "EDQUOT"]
const stallMillisMax = 5000

export interface Rates {
  /** Operations that fail, that stall. */
  readonly failing: number
  readonly stalling: number
  readonly latencyMillis: number
}

export class WorldFiles {
  readonly memory: MemoryFiles
  faultCount = 0
  readonly #random: Random
  #rates: Rates

  constructor(random: Random, rates: Rates) {
    this.memory = new MemoryFiles({ isImmediate: random.chance(0.5) })
    this.#random = random
    this.#rates = rates
  }

  heal(): void {
    this.#rates = { failing: 0, stalling: 0, latencyMillis: this.#rates.latencyMillis }
  }

  get service(): Files["Service"] {
    return GatedFiles.make(this.memory.service, {
      pass: (asked) => Effect.uninterruptible(Effect.suspend(() => this.#pass(asked))),
      passNow: (_path, count) => (this.#random.chance(this.#rates.failing) ? count >> 1 : count)
    })
  }

  #pass<A>({ act, byteCount, operation, part, path }: GatedFiles.Asked<A>): Effect.Effect<A, FileFailed> {
    const { failing, latencyMillis, stalling } = this.#rates
    const isFailing = this.#random.chance(failing)
    const isStalling = this.#random.chance(stalling)
    if (isFailing || isStalling) this.faultCount++
    const millis = isStalling ? this.#random.between(1, stallMillisMax) : this.#random.next() * latencyMillis
    const done = isFailing ? this.#failed({ byteCount, operation, part, path }) : act
    return millis < 0.1 ? done : Effect.andThen(Effect.sleep(millis), done)
  }

  /** A write may have begun. */
  #failed({ byteCount, operation, part, path }: Omit<GatedFiles.Asked<never>, "act">) {
    const failed = Effect.fail(new FileFailed({ operation, path, code: this.#random.pick(codes) }))
    return Effect.andThen(part(this.#random.between(0, Math.max(0, byteCount - 1))), failed)
  }
}
