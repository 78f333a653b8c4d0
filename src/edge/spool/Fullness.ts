/**
 * Makes room in a spool that is full, as `--overflow` says, and drops packets that have waited for too long. Journals
 * of other edges lose nothing, since it is not known here what may be dropped of them: those edges are held back.
 */
import { Effect, Schedule } from "effect"
import { report } from "../../errors/Report.ts"
import { clockMillis, queueMicrotask } from "../../Machine.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Losses } from "./Losses.ts"
import type { Policy } from "./Overflow.ts"
import { thin } from "./Thinning.ts"

const agePauseMillisMax = 60_000
/** If the spool stays full, the log says so again after this time. */
const fullAgainMillis = 60_000

/** What is needed of the spool. */
export interface Surroundings {
  readonly journals: ReadonlyMap<string, Journal>
  readonly losses: Losses
  /** By HOST/SESSION. */
  readonly policyOf: (name: string) => Policy
  readonly isFull: () => boolean
  /** How full it is, for the log. */
  readonly fullness: () => string
  readonly onChange: () => void
  /** Runs work in the background; at most one of each name at a time. */
  readonly run: (name: string, work: Effect.Effect<void>) => void
}

/** The largest is the last. */
const bySize = (journals: ReadonlyArray<Journal>): Array<Journal> => {
  const sizes = new Map(journals.map((journal) => [journal, journal.segments.byteCount]))
  return journals.toSorted((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0))
}

export class Fullness {
  readonly #spool: Surroundings
  #isMakingRoom = false
  /** It will be looked for journals of which something may go. */
  #isAsked = false
  #toldFullAt = Number.NEGATIVE_INFINITY

  constructor(spool: Surroundings) {
    this.#spool = spool
  }

  #policyOf({ about, passed }: Journal): Policy {
    return passed === undefined ? this.#spool.policyOf(about.name) : "hold"
  }

  /** The journal has no room. */
  overflow(journal: Journal): void {
    const { onChange, run } = this.#spool
    const policy = this.#policyOf(journal)
    if (policy === "stop") {
      if (journal.isStopped) return
      journal.stop()
      onChange()
      run("stop", report("SPOOL_STOPPED", journal.about.name))
      return
    }
    if (policy === "hold") this.#tellFull()
    if (this.#isAsked || this.#isMakingRoom) return
    this.#isAsked = true
    // Once for all tracers that are held back in this turn.
    queueMicrotask(() => {
      this.#isAsked = false
      this.#lookForRoom()
    })
  }

  #lookForRoom(): void {
    const { journals, run } = this.#spool
    const droppable = [...journals.values()].filter((one) => this.#policyOf(one) === "drop")
    if (this.#isMakingRoom || droppable.length === 0) return
    this.#isMakingRoom = true
    const done = Effect.sync(() => {
      this.#isMakingRoom = false
    })
    run("room", Effect.ensuring(this.#makeRoom(droppable), done))
  }

  /** Logs it once, and again after a minute. */
  #tellFull(): void {
    const now = clockMillis()
    if (now - this.#toldFullAt < fullAgainMillis) return
    this.#toldFullAt = now
    this.#spool.run("full", report("SPOOL_FULL", this.#spool.fullness()))
  }

  /** Thins the largest journal, again and again, until there is room or nothing more to drop. */
  #makeRoom(droppable: ReadonlyArray<Journal>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      let left = bySize(droppable)
      while (this.#spool.isFull()) {
        const largest = left.pop()
        if (largest === undefined) return this.#tellFull()
        // Others grow meanwhile. Not for each that has nothing to drop: a spool may have thousands.
        if (yield* this.#thin(largest, Number.POSITIVE_INFINITY)) left = bySize([...left, largest])
      }
    })
  }

  /** False: there is nothing to drop. */
  #thin(journal: Journal, wroteBefore: number): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      const result = yield* Effect.result(thin(journal, wroteBefore))
      if (result._tag === "Failure") {
        yield* report("SPOOL_FAILED", result.failure.message)
        return false
      }
      const dropped = result.success
      if (dropped === undefined) return false
      if (dropped.packetCount === 0) return true
      if (journal.droppedPacketCount === 0) {
        yield* report("SPOOL_DROPPED", journal.about.name)
      }
      journal.droppedPacketCount += dropped.packetCount
      journal.droppedByteCount += dropped.byteCount
      const reason = Number.isFinite(wroteBefore) ? "age" : "drop"
      this.#spool.losses.add(journal.about.name, reason, dropped.packetCount, dropped.byteCount)
      return true
    })
  }

  /** Drops what has waited for longer, from time to time. */
  age(millisMax: number): Effect.Effect<void> {
    const pass = Effect.gen({ self: this }, function* () {
      const before = clockMillis() - millisMax
      for (const journal of [...this.#spool.journals.values()]) {
        if (journal.passed !== undefined) continue
        while (yield* this.#thin(journal, before)) yield* Effect.yieldNow
      }
    })
    return Effect.repeat(pass, Schedule.spaced(Math.min(millisMax / 4, agePauseMillisMax))).pipe(Effect.asVoid)
  }
}
