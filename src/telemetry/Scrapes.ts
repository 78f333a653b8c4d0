/**
 * The text of the metrics, made at most twice a second; a scraper that asks more often gets the last one again. So
 * however many scrape, and however often, the loop's work is bounded.
 */
import { Effect, Fiber, type Scope } from "effect"
import { clockMillis } from "../Machine.ts"
import { Credit } from "../model/Credit.ts"
import * as Exposition from "./Exposition.ts"
import type { Telemetry } from "./Telemetry.ts"

/** A whole text, in the parts in which it was made. */
export interface Text {
  readonly parts: ReadonlyArray<Uint8Array>
  readonly byteCount: number
}

const textsPerSecond = 2
/** As many at once after a quiet time, so that looks before and after an event show the difference. */
const burstCount = 5

/** The texts of one form. */
class Scrape {
  readonly #make: Effect.Effect<Fiber.Fiber<Text>>
  readonly #credit: Credit
  #last: Fiber.Fiber<Text> | undefined

  constructor(make: Effect.Effect<Text>, scope: Scope.Scope) {
    this.#make = Effect.map(Effect.forkIn(make, scope, { startImmediately: true }), (fiber) => {
      this.#last = fiber
      return fiber
    })
    this.#credit = new Credit(textsPerSecond, burstCount, clockMillis())
  }

  /** The text, made in a fiber of its own: if whoever asked first is gone, others still get it. */
  readonly text: Effect.Effect<Text> = Effect.suspend(() => {
    if (this.#credit.at(clockMillis()) < 1 && this.#last !== undefined) return Fiber.join(this.#last)
    this.#credit.spend()
    return Effect.flatMap(this.#make, Fiber.join)
  })
}

const textOf = ({ samples }: Telemetry["Service"], form: Exposition.Form): Effect.Effect<Text> =>
  Effect.gen(function* () {
    const parts: Array<Uint8Array> = []
    for (const part of Exposition.slices(yield* samples(form), form)) {
      parts.push(part)
      yield* Effect.yieldNow
    }
    return { parts, byteCount: parts.reduce((sum, { length }) => sum + length, 0) }
  })

/** Texts are made for as long as the scope is open. */
export const make = (
  telemetry: Telemetry["Service"]
): Effect.Effect<(form: Exposition.Form) => Effect.Effect<Text>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const scrapes = {
      prometheus: new Scrape(textOf(telemetry, "prometheus"), scope),
      openmetrics: new Scrape(textOf(telemetry, "openmetrics"), scope)
    }
    return (form) => scrapes[form].text
  })
