/**
 * Wraps any `Files` and makes it misbehave on request: fail with a code, stall until released, or be slow. For tests,
 * and for embedders that want to see what their traces survive.
 *
 * The wrapped store sees only operations that were let through, in the order in which they were.
 */
import { Deferred, type Duration, Effect } from "effect"
import { FileFailed, type Files } from "./Files.ts"
import { type Asked, make as gated, type Operation } from "./GatedFiles.ts"

export type { Operation } from "./GatedFiles.ts"

/** What fails, where, and with which code of the system. */
export interface Fault {
  /** `ENOSPC`, `EIO`, `EMFILE`, … */
  readonly code: string
  /** Which operations fail; all when absent. */
  readonly operation?: Operation
  /** Only on paths that contain this. */
  readonly path?: string
  /** Lets this many of them pass first. */
  readonly after?: number
  /** Fails this many times, then no more. */
  readonly times?: number
  /** For writes: lets this many bytes through first, the last of them as a short write. */
  readonly afterBytes?: number
  /** A defect in place of a failure: what a bug in the store would be. */
  readonly isDefect?: boolean
}

interface Armed {
  readonly fault: Fault
  passes: number
  fails: number
  bytes: number
}

/** Holds operations on paths that contain `path` until it is opened. */
interface Gate {
  readonly path: string
  readonly opened: Deferred.Deferred<void>
}

/** Files that fail, stall or are slow on demand, around others. */
export class FaultyFiles {
  readonly #files: Files["Service"]
  readonly #armed = new Set<Armed>()
  #latency: Duration.Input | undefined
  readonly #gates = new Set<Gate>()
  /** Operations held by `stall` now. */
  stalledCount = 0
  /** Operations begun and not ended, stalled ones included. */
  inFlightCount = 0
  openCount = 0
  openCountMax = 0

  constructor(files: Files["Service"]) {
    this.#files = files
  }

  /** Arms a fault; the answer disarms it. */
  fail(fault: Fault): () => void {
    const armed: Armed = {
      fault,
      passes: fault.after ?? 0,
      fails: fault.times ?? Number.POSITIVE_INFINITY,
      bytes: fault.afterBytes ?? 0
    }
    this.#armed.add(armed)
    return () => void this.#armed.delete(armed)
  }

  /** From now on every operation (on paths that contain `path`) waits until the effect that is answered is run. */
  stall(path = ""): Effect.Effect<void> {
    const gate = { path, opened: Deferred.makeUnsafe<void>() }
    this.#gates.add(gate)
    return Effect.suspend(() => {
      this.#gates.delete(gate)
      return Effect.asVoid(Deferred.succeed(gate.opened, undefined))
    })
  }

  /** Every operation takes this much longer. */
  slow(latency: Duration.Input): void {
    this.#latency = latency
  }

  get service(): Files["Service"] {
    const files = gated(this.#files, {
      pass: (asked) => this.#pass(asked),
      // What is to go wrong with a write goes wrong in `pass`, which can wait.
      passNow: (path, count) => (this.#goesWrong(path) ? 0 : count),
      passBeside: (path) => !this.#goesWrong(path)
    })
    return {
      ...files,
      open: (path, mode) =>
        Effect.map(files.open(path, mode), (file) => {
          this.openCount++
          this.openCountMax = Math.max(this.openCountMax, this.openCount)
          return { ...file, close: Effect.tap(file.close, () => Effect.sync(() => void this.openCount--)) }
        })
    }
  }

  #goesWrong(path: string): boolean {
    const isFaulty = [...this.#armed].some((armed) => applies(armed, "write", path))
    return isFaulty || this.#latency !== undefined || this.#gatesOf(path).length > 0
  }

  #pass<A>(asked: Asked<A>): Effect.Effect<A, FileFailed> {
    const { operation, path } = asked
    return Effect.uninterruptible(
      Effect.suspend(() => {
        this.inFlightCount++
        return Effect.ensuring(
          Effect.andThen(this.#delay(path), Effect.andThen(this.#check(operation, path), this.#whole(asked))),
          Effect.sync(() => void this.inFlightCount--)
        )
      })
    )
  }

  /** Faults with `afterBytes` cut the write short where their bytes end. */
  #whole<A>({ act, byteCount, operation, part, path }: Asked<A>): Effect.Effect<A, FileFailed> {
    if (operation !== "write") return act
    return Effect.suspend((): Effect.Effect<A, FileFailed> => {
      const armed = [...this.#armed].find((each) => each.fault.afterBytes !== undefined && applies(each, "write", path))
      if (armed === undefined) return act
      if (armed.bytes >= byteCount) {
        armed.bytes -= byteCount
        return act
      }
      const count = armed.bytes
      armed.bytes = 0
      return Effect.andThen(part(count), this.#strike(armed, "write", path))
    })
  }

  #delay(path: string): Effect.Effect<void> {
    const gates = this.#gatesOf(path)
    const latency = this.#latency === undefined ? Effect.void : Effect.sleep(this.#latency)
    if (gates.length === 0) return latency
    this.stalledCount++
    const opened = Effect.forEach(gates, (gate) => Deferred.await(gate.opened), { discard: true })
    return Effect.andThen(
      latency,
      Effect.map(opened, () => void this.stalledCount--)
    )
  }

  #gatesOf(path: string): ReadonlyArray<Gate> {
    return [...this.#gates].filter((gate) => path.includes(gate.path))
  }

  #check(operation: Operation, path: string): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      for (const armed of this.#armed) {
        if (armed.fault.afterBytes !== undefined || !applies(armed, operation, path)) continue
        if (armed.passes > 0) armed.passes--
        else return this.#strike(armed, operation, path)
      }
      return Effect.void
    })
  }

  #strike(armed: Armed, operation: Operation, path: string): Effect.Effect<never, FileFailed> {
    if (--armed.fails <= 0) this.#armed.delete(armed)
    if (armed.fault.isDefect === true) return Effect.die(new Error(`${armed.fault.code}: injected`))
    return Effect.fail(new FileFailed({ operation, path, code: armed.fault.code }))
  }
}

const applies = ({ fault }: Armed, operation: Operation, path: string): boolean =>
  (fault.operation ?? operation) === operation && path.includes(fault.path ?? "")
