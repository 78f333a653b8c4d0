/**
 * Whether the process runs out of descriptors. The system gives the lowest number that is free, so each new one says
 * how many are taken at least. Once none is left, by whomever they were taken, the runtime closes what it accepts, or
 * accepts nothing, and nobody hears of it: so one is asked for now and then.
 */
import { Effect, Schedule } from "effect"
import { line } from "../errors/Report.ts"
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

  /** `descriptor` was given just now; undefined: none is left. True: with it a shortage begins. */
  begins(descriptor: number | undefined): boolean {
    if (this.#isShort || this.#leftMax(descriptor) > leftMin) return false
    this.#isShort = true
    return true
  }

  /** `descriptor` was given just now. True: a shortage is over. One that is free says little: `taken` counts them. */
  ends(descriptor: number, taken: () => number): boolean {
    if (!this.#isShort || this.#leftMax(descriptor) < leftAgainMin) return false
    if (this.#countMax - taken() < leftAgainMin) return false
    this.#isShort = false
    return true
  }

  #leftMax(descriptor: number | undefined): number {
    return descriptor === undefined ? 0 : this.#countMax - 1 - descriptor
  }

  line(told: Told, reason = `of the ${this.#countMax} that it may have`): Effect.Effect<void> {
    return line(told, told === "DESCRIPTORS_SHORT" ? reason : "")
  }

  /** Looks for ever; `onTold` is called with the code of each line. */
  watch(onTold: (code: Told) => void): Effect.Effect<void> {
    const told = (code: Told, reason?: string) => {
      onTold(code)
      return this.line(code, reason)
    }
    const look = Effect.suspend(() => {
      const found = Descriptor.free()
      if (found === undefined) return Effect.void
      if (typeof found !== "number") {
        return this.begins(undefined) ? told("DESCRIPTORS_SHORT", SystemError.reasonOf(found)) : Effect.void
      }
      if (this.begins(found)) return told("DESCRIPTORS_SHORT")
      return this.ends(found, Descriptor.takenCount) ? told("DESCRIPTORS_AGAIN") : Effect.void
    })
    return Effect.asVoid(Effect.repeat(look, Schedule.spaced(`${lookSeconds} seconds`)))
  }
}
