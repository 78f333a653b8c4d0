/**
 * Clock and event loop of a world that is simulated: timers fire when nothing else is to be done, in no real time, and
 * what is due in one turn of the loop runs in an order that the seed decides. It takes the place of the globals of this
 * process, so that everything in it lives in this time: the relay, its peers, and what waits for them.
 */
import type { Random } from "./Random.ts"

interface Due {
  readonly at: number
  readonly number: number
  readonly run: () => void
  /** Of an interval. */
  readonly every: number | undefined
}

/** What `setTimeout` answers. */
class Handle {
  readonly number: number
  constructor(number: number) {
    this.number = number
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
}

const startMillis = 1_700_000_000_000
const real = {
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  dateNow: Date.now,
  performanceNow: performance.now
}

export class VirtualTime {
  millis = 0
  readonly #random: Random
  readonly #timers = new Map<number, Due>()
  #immediates = new Map<number, () => void>()
  #lastNumber = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Lives through `promise` in this time, for so many of its milliseconds at most. */
  async run<A>(start: () => Promise<A>, millisMax: number): Promise<A> {
    this.#install()
    try {
      let outcome: { readonly value: A } | { readonly failure: unknown } | undefined
      start().then(
        (value) => {
          outcome = { value }
        },
        (failure) => {
          outcome = { failure }
        }
      )
      while (outcome === undefined) {
        await new Promise<void>((resolve) => void real.setImmediate(resolve))
        if (outcome !== undefined) break
        if (this.millis > millisMax) throw new Error(`not over after ${millisMax} ms of its time`)
        if (!this.#turn()) throw new Error("nothing will ever happen again, and it is not over")
      }
      if ("failure" in outcome) throw outcome.failure
      return outcome.value
    } finally {
      this.#restore()
    }
  }

  /** False: there is nothing to be done. */
  #turn(): boolean {
    if (this.#immediates.size > 0) {
      const batch = [...this.#immediates.values()]
      this.#immediates = new Map()
      for (let left = batch.length; left > 0; left--) {
        const [run] = batch.splice(this.#random.between(0, batch.length - 1), 1)
        run?.()
      }
      return true
    }
    let next: Due | undefined
    for (const due of this.#timers.values()) {
      if (next === undefined || due.at < next.at || (due.at === next.at && due.number < next.number)) next = due
    }
    if (next === undefined) return false
    this.#timers.delete(next.number)
    this.millis = Math.max(this.millis, next.at)
    if (next.every !== undefined) this.#timers.set(next.number, { ...next, at: this.millis + next.every })
    next.run()
    return true
  }

  #add(run: () => void, millis: number | undefined, isRepeated: boolean): Handle {
    const number = ++this.#lastNumber
    const least = Math.max(1, Number(millis) || 0)
    this.#timers.set(number, { at: this.millis + least, number, run, every: isRepeated ? least : undefined })
    return new Handle(number)
  }

  #install(): void {
    const clear = (handle: unknown) => {
      if (handle instanceof Handle) this.#timers.delete(handle.number)
    }
    const setImmediate = (run: (...args: ReadonlyArray<unknown>) => void, ...args: ReadonlyArray<unknown>) => {
      const number = ++this.#lastNumber
      this.#immediates.set(number, () => run(...args))
      return new Handle(number)
    }
    const clearImmediate = (handle: unknown) => {
      if (handle instanceof Handle) this.#immediates.delete(handle.number)
    }
    Object.assign(globalThis, {
      setImmediate,
      clearImmediate,
      setTimeout: (run: () => void, millis?: number) => this.#add(run, millis, false),
      clearTimeout: clear,
      setInterval: (run: () => void, millis?: number) => this.#add(run, millis, true),
      clearInterval: clear
    })
    Date.now = () => startMillis + Math.floor(this.millis)
    performance.now = () => this.millis
  }

  #restore(): void {
    const { dateNow, performanceNow, ...timers } = real
    Object.assign(globalThis, timers)
    Date.now = dateNow
    performance.now = performanceNow
  }
}
