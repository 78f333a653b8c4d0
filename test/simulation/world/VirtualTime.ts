/**
 * Clock and event loop of a world that is simulated: timers fire when nothing else is to be done, in no real time, and
 * what is due in one turn of the loop runs in an order that the seed decides. It takes the machine's place for what is
 * called in `src`, and that of Effect's clock and scheduler for fibers: the relay, its peers, and what waits for them.
 */
import { Clock, Duration, Effect, Scheduler } from "effect"
import * as Machine from "../../../src/Machine.ts"
import type { Random } from "../../support/Random.ts"

interface Due {
  readonly at: number
  readonly number: number
  readonly run: () => void
  /** Of an interval. */
  readonly every: number | undefined
}

/** What a timer is cleared by. */
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

const isBefore = (left: Due, right: Due): boolean =>
  left.at < right.at || (left.at === right.at && left.number < right.number)

/** What is due, the next first: a binary heap. */
class Agenda {
  readonly #heap: Array<Due> = []

  add(due: Due): void {
    const heap = this.#heap
    let at = heap.push(due) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(due, heap[above] as Due)) break
      heap[at] = heap[above] as Due
      at = above
    }
    heap[at] = due
  }

  take(): Due | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || last === first) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below++
      if (!isBefore(heap[below] as Due, last)) break
      heap[at] = heap[below] as Due
      at = below
    }
    heap[at] = last
    return first
  }
}

/** Effect's own. */
const usualOperationCount = 2048

const startMillis = 1_700_000_000_000
/** So many turns without a pause, which is a second, are a loop without end. */
const turnCountMax = 200_000
/** Of the processor's time; a world takes some tens. */
const realMillisMax = 60_000

const processorMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

const nanosOf = (millis: number): bigint => BigInt(Math.round(millis * 1e6))

export class VirtualTime {
  millis = 0
  /** A turn of the loop is not for nothing: what looks again until a moment has passed comes to its end. */
  turnMillis = 0.005
  readonly #random: Random
  /** A fiber yields after so many operations, wherever it is: in every second world, soon. */
  readonly #operationCount: number
  readonly #agenda = new Agenda()
  /** Numbers of timers that are due some day. */
  readonly #timers = new Set<number>()
  #immediates = new Map<number, () => void>()
  readonly #microtasks: Array<() => void> = []
  #lastNumber = 0
  #turnCount = 0
  #loopCount = 0
  /** What asked for a turn last, of those of a loop without end. */
  #lastAsked = ""

  constructor(random: Random) {
    this.#random = random
    const own = random.fork()
    this.#operationCount = own.chance(0.5) ? usualOperationCount : own.between(5, 60)
  }

  /** Lives through `effect` in this time, for so many of its milliseconds at most. */
  run<A, E>(effect: Effect.Effect<A, E>, millisMax: number): A {
    const giveBack = Machine.replace(this.#source)
    try {
      const scheduler = new Scheduler.MixedScheduler("async", (run) => {
        const number = this.#addImmediate(run)
        return () => void this.#immediates.delete(number)
      })
      const own = effect.pipe(
        Effect.provideService(Clock.Clock, this.#clock),
        Effect.provideService(Scheduler.MaxOpsBeforeYield, this.#operationCount)
      )
      const fiber = Effect.runFork(own, { scheduler })
      this.#drain()
      const begin = processorMillis()
      for (let exit = fiber.pollUnsafe(); ; exit = fiber.pollUnsafe()) {
        if (exit !== undefined) return Effect.runSync(exit)
        if (this.millis > millisMax) throw new Error(`not over after ${millisMax} ms of its time`)
        if (++this.#loopCount % 1024 === 0 && processorMillis() - begin > realMillisMax)
          this.#tooLong("it takes too long")
        if (!this.#turn()) throw new Error("nothing will ever happen again, and it is not over")
      }
    } finally {
      giveBack()
    }
  }

  /** False: there is nothing to be done. */
  #turn(): boolean {
    if (this.#immediates.size > 0) {
      if (++this.#turnCount > turnCountMax) this.#tooLong("turns without end")
      this.millis += this.turnMillis
      const batch = [...this.#immediates]
      for (let left = batch.length; left > 0; left--) {
        const at = this.#random.between(0, left - 1)
        const [number, run] = batch[at] as [number, () => void]
        batch[at] = batch[left - 1] as [number, () => void]
        if (this.#immediates.delete(number)) this.#call(run)
      }
      return true
    }
    this.#turnCount = 0
    for (let next = this.#agenda.take(); next !== undefined; next = this.#agenda.take()) {
      const { at, every, number, run } = next
      if (!this.#timers.has(number)) continue
      this.millis = Math.max(this.millis, at)
      if (every === undefined) this.#timers.delete(number)
      else this.#agenda.add({ ...next, at: this.millis + every })
      this.#call(run)
      return true
    }
    return false
  }

  #tooLong(what: string): never {
    throw new Error(`${what}, at ${this.millis} ms of its time: ${this.#lastAsked}`)
  }

  /** Microtasks come after each thing that the loop does. */
  #call(run: () => void): void {
    run()
    this.#drain()
  }

  #drain(): void {
    for (let run = this.#microtasks.shift(); run !== undefined; run = this.#microtasks.shift()) run()
  }

  #addImmediate(run: () => void): number {
    const number = ++this.#lastNumber
    if (this.#turnCount === turnCountMax) this.#lastAsked = String(new Error().stack)
    this.#immediates.set(number, run)
    return number
  }

  #addTimer(run: () => void, millis: number | undefined, isRepeated: boolean): Handle {
    const number = ++this.#lastNumber
    const least = Math.max(1, Number(millis) || 0)
    this.#timers.add(number)
    this.#agenda.add({ at: this.millis + least, number, run, every: isRepeated ? least : undefined })
    return new Handle(number)
  }

  get #source(): Machine.Source {
    const clear = (timer: unknown) => {
      if (timer instanceof Handle) this.#timers.delete(timer.number)
    }
    const asTimer = (handle: unknown) => handle as NodeJS.Timeout
    const byte = () => this.#random.between(0, 255)
    return {
      clockMillis: () => this.millis,
      clockNanos: () => nanosOf(this.millis),
      wallMillis: () => startMillis + Math.floor(this.millis),
      wallMicros: () => (startMillis + this.millis) * 1000,
      uptimeSeconds: () => this.millis / 1000,
      waitedNanos: () => undefined,
      runnableCount: () => undefined,
      setTimeout: (run, millis) => asTimer(this.#addTimer(run, millis, false)),
      clearTimeout: clear,
      setInterval: (run, millis) => asTimer(this.#addTimer(run, millis, true)),
      clearInterval: clear,
      setImmediate: (run) => {
        const handle: unknown = new Handle(this.#addImmediate(run))
        return handle as NodeJS.Immediate
      },
      queueMicrotask: (run) => void this.#microtasks.push(run),
      random: () => this.#random.next(),
      randomBytes: (count) => Buffer.from(Array.from({ length: count }, byte)),
      randomUUID: () => {
        const digits = Array.from({ length: 16 }, () => byte().toString(16).padStart(2, "0")).join("")
        return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
      }
    }
  }

  get #clock(): Clock.Clock {
    const wallMillis = () => startMillis + Math.floor(this.millis)
    const wallNanos = () => nanosOf(startMillis + this.millis)
    const nanos = () => nanosOf(this.millis)
    return {
      currentTimeMillisUnsafe: wallMillis,
      currentTimeMillis: Effect.sync(wallMillis),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) => this.#sleep(Duration.toMillis(duration))
    }
  }

  #sleep(millis: number): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback<void>((resume) => {
      const { number } = this.#addTimer(() => resume(Effect.void), millis, false)
      return Effect.sync(() => void this.#timers.delete(number))
    })
  }
}
