/**
 * Gives back the memory of a crowd. The runtime lets garbage become three times as much as what lives, before it looks
 * for it: once a relay has much, as much as what lives has to do. And it looks only while more is made: a relay to
 * which nobody sends any more would keep, for as long as that lasts, what a thousand sessions took.
 */
import { Effect, Schedule } from "effect"

const lookInterval = "10 seconds"
/** An idle relay has less, and then there is nothing to be won. */
const heapBytesMin = 64 * 1024 * 1024

const frugalFlag = "--heap-growing-percent=100"

type Collector = (options: { readonly type: "major"; readonly execution: "async" }) => Promise<void>

/**
 * Takes the loop some tens of milliseconds. What the inspector can ask for drops compiled code, too. An idle relay need
 * not have these modules; a runtime that does not show its collector is left alone.
 */
export const collect: Effect.Effect<void> = Effect.promise(async () => {
  process.getBuiltinModule("node:v8").setFlagsFromString("--expose-gc")
  const collector: Collector | undefined = process.getBuiltinModule("node:vm").runInNewContext("globalThis.gc")
  await collector?.({ type: "major", execution: "async" })
})

/** Decides when: once after sessions, when there was none at two looks. */
export class Quiet {
  #isDue = false
  #wasQuiet = false

  look(sessionCount: number, heapBytes: number): boolean {
    const isQuiet = sessionCount === 0
    const isNow = this.#isDue && isQuiet && this.#wasQuiet && heapBytes >= heapBytesMin
    this.#isDue = !isQuiet || (this.#isDue && !isNow)
    this.#wasQuiet = isQuiet
    return isNow
  }
}

/** From the next collection on. Not from the start: while a heap is small, that would be many for little. */
export const becomeFrugal = (): void => process.getBuiltinModule("node:v8").setFlagsFromString(frugalFlag)

/** For as long as the relay runs. */
export const watch = (sessionCount: Effect.Effect<number>): Effect.Effect<void> => {
  const quiet = new Quiet()
  const look = Effect.flatMap(sessionCount, (count) => {
    const { heapTotal, heapUsed } = process.memoryUsage()
    if (heapTotal >= heapBytesMin) becomeFrugal()
    return quiet.look(count, heapUsed) ? collect : Effect.void
  })
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(lookInterval)))
}
