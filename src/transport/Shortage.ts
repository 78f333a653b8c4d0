/**
 * Whether the process runs out of descriptors. The system gives the lowest number that is free, so each new one says
 * how many are taken. Once none is left, by whomever they were taken, the runtime closes what it accepts, or accepts
 * nothing, and nobody hears of it: so one is asked for now and then.
 */
import { Effect, Schedule } from "effect"
import { report } from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"
import * as Descriptor from "../thread/Descriptor.ts"

/** So few make it short; it is so until so many are free again. */
const leftMin = 4
const leftAgainMin = 32

const lookSeconds = 2

type Told = "DESCRIPTORS_SHORT" | "DESCRIPTORS_AGAIN"

export class Shortage {
  readonly #countMax: number
  #isShort = false

  /** `countMax`: as many as the process may have. */
  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** `descriptor` was given just now; undefined: none is left. Answers what there is to tell. */
  heard(descriptor: number | undefined): Told | undefined {
    const leftMax = descriptor === undefined ? 0 : this.#countMax - 1 - descriptor
    const isShort = leftMax <= leftMin || (this.#isShort && leftMax < leftAgainMin)
    if (isShort === this.#isShort) return undefined
    this.#isShort = isShort
    return isShort ? "DESCRIPTORS_SHORT" : "DESCRIPTORS_AGAIN"
  }

  line(told: Told, reason = `of the ${this.#countMax} that it may have`): Effect.Effect<void> {
    return report(told, told === "DESCRIPTORS_SHORT" ? reason : "")
  }

  /** Looks for ever; `onTold` is called with the code of each line. */
  watch(onTold: (code: Told) => void): Effect.Effect<void> {
    const look = Effect.suspend(() => {
      const found = Descriptor.free()
      if (found === undefined) return Effect.void
      const isNone = typeof found !== "number"
      const told = this.heard(isNone ? undefined : found)
      if (told === undefined) return Effect.void
      onTold(told)
      return this.line(told, isNone ? SystemError.reasonOf(found) : undefined)
    })
    return Effect.asVoid(Effect.repeat(look, Schedule.spaced(`${lookSeconds} seconds`)))
  }
}
