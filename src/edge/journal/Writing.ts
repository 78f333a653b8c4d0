/**
 * How what a journal heard comes into its files: at once where the disk takes it, else by the journal's fiber; and who
 * waits for that. The journal's `Tail` has what is not written yet.
 */
import { Effect, Latch } from "effect"
import { report } from "../../errors/Report.ts"
import { setImmediate } from "../../Machine.ts"
import type { Chunk, Chunks } from "./Chunks.ts"
import { Growth } from "./Growth.ts"
import type { Segments } from "./Segments.ts"
import type { Tail } from "./Tail.ts"

/** A disk that is full may have room later; the tracer is held back meanwhile. */
const retryWait = "500 millis"

interface Waiting {
  /** Of the last record that it waits for. */
  readonly number: number
  readonly then: () => void
}

export interface Options {
  readonly tail: Tail
  readonly segments: Segments
  readonly memory: Chunks
  /** Called after each write. */
  readonly onWrite: () => void
}

export class Writing {
  /** Number of the last record that is in the files, as `--sync` says. */
  written = 0
  /** What was heard could not be written when it was tried last: its tracers are held back. */
  isFailing = false
  readonly growth = new Growth()
  readonly #options: Options
  /** In the order of their numbers. */
  #waiting: Array<Waiting> = []
  /** The fiber has it, and goes on until all is written. */
  #isFibers = false
  /** Open while the fiber has something to write. */
  readonly #dirty = Latch.makeUnsafe(false)
  /** `flush` is called when the turn is over. */
  #isDue = false

  constructor(options: Options) {
    this.#options = options
  }

  /** To be called when a turn has appended all it has. */
  flush(): void {
    const { segments, tail } = this.#options
    while (!this.#isFibers) {
      const chunk = tail.unwritten
      if (chunk === undefined) return
      if (segments.writeNow(chunk)) this.#wrote(chunk, chunk.filled, chunk.last)
      else {
        this.#isFibers = true
        this.#dirty.openUnsafe()
      }
    }
  }

  /**
   * The same for what no tracer waits to be answered: little of it waits for company until the turns that are due are
   * over, and `isWithin` a packet for more of that, since the relay can do nothing with a part.
   */
  flushSoon(isWithin: boolean): void {
    const { memory, tail } = this.#options
    if (tail.isMuch || !memory.mayGather) this.flush()
    else if (!isWithin && !this.#isDue) {
      this.#isDue = true
      setImmediate(this.#onDue)
    }
  }

  readonly #onDue = (): void => {
    this.#isDue = false
    this.flush()
  }

  #wrote(chunk: Chunk, to: number, last: number): void {
    this.written = last
    this.#options.tail.wrote(chunk, to, last)
    const due = this.#waiting.findIndex(({ number }) => number > last)
    const done = this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)
    for (const { then } of done) then()
    this.growth.tell()
    this.#options.onWrite()
  }

  /** Calls `then` when all up to the record `number` is written: now, or in a later turn; in the order asked. */
  when(number: number, then: () => void): void {
    this.flush()
    if (this.written >= number) then()
    else this.#waiting.push({ number, then })
  }

  /** Done when more than `number` is written. */
  beyond(number: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const look = () => (this.written > number ? resume(Effect.void) : this.growth.when(look))
      look()
      return Effect.sync(() => this.growth.forget(look))
    })
  }

  /** The journal's fiber: writes what is not written at once. */
  get run(): Effect.Effect<never> {
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        yield* this.#dirty.await
        const { segments, tail } = this.#options
        const chunk = tail.unwritten as Chunk
        const { filled, last } = chunk
        const failure = yield* Effect.result(segments.write(chunk, filled, last))
        if (failure._tag === "Failure") {
          if (!this.isFailing) yield* report("SPOOL_FAILED", failure.failure.message)
          this.isFailing = true
          yield* Effect.sleep(retryWait)
          yield* segments.reopenAfter(failure.failure)
          return
        }
        this.isFailing = false
        this.#dirty.closeUnsafe()
        this.#isFibers = false
        this.#wrote(chunk, filled, last)
        this.flush()
      })
    )
  }

  /** Nobody writes any more: who waits goes on, and what is not written, up to `last`, is dropped. */
  letGo(last: number): void {
    this.written = last
    this.#options.tail.drop()
    for (const { then } of this.#waiting.splice(0)) then()
  }
}
