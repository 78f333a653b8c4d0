/**
 * Gives back the memory of a crowd that has gone. The runtime looks for garbage only while more is made: a relay to
 * which nobody sends any more would keep, for as long as that lasts, what a thousand sessions took.
 */
import { Effect, Schedule } from "effect"

const lookInterval = "10 seconds"
/** An idle relay has less, and then there is nothing to be won. */
const heapBytesMin = 64 * 1024 * 1024

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

/** For as long as the relay runs. */
export const watch = (sessionCount: Effect.Effect<number>): Effect.Effect<void> => {
  const quiet = new Quiet()
  const look = Effect.flatMap(sessionCount, (count) =>
    quiet.look(count, process.memoryUsage().heapUsed) ? collect : Effect.void
  )
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(lookInterval)))
}
