/**
 * What one stream still has to do to its files, in order: sealed stages, and behind them the current one, in which
 * gathers what arrives. A stage has bytes of one file, then records, then steps; what cannot be done in that order
 * begins another.
 */
import type { Progress } from "./Durability.ts"
import { type Sink, Stage } from "./Stage.ts"

export class StageQueue {
  current = new Stage()
  /** The stage that the stream's fiber has taken, until it is done. */
  running: Stage | undefined
  readonly #sealed: Array<Stage> = []
  readonly #progress: () => Progress

  constructor(progress: () => Progress) {
    this.#progress = progress
  }

  /** Whether bytes of `sink` can follow those of the current stage. */
  isFor(sink: Sink): boolean {
    return (this.current.dataSink ?? sink) === sink
  }

  /** The stage that bytes of `sink` are to be added to. */
  forBytes(sink: Sink): Stage {
    if (this.current.steps.length > 0 || !this.isFor(sink)) this.#seal()
    this.current.dataSink = sink
    return this.current
  }

  /** The stage that a record is to be added to. */
  get forRecord(): Stage {
    if (this.current.steps.length > 0) this.#seal()
    return this.current
  }

  /** There are only bytes and records, all in the current stage, and nobody waits for them. */
  get isPlain(): boolean {
    const { steps, waiters } = this.current
    return this.running === undefined && this.#sealed.length + steps.length + waiters.length === 0
  }

  #seal(): void {
    this.current.progress = this.#progress()
    this.#sealed.push(this.current)
    this.current = new Stage()
  }

  /** No stage is sealed: `take` takes the current one. */
  get isCurrentFirst(): boolean {
    return this.#sealed.length === 0
  }

  /** Takes the first stage out; it is the one that runs. */
  take(): Stage {
    if (this.isCurrentFirst) this.#seal()
    const stage = this.#sealed.shift() as Stage
    this.running = stage
    return stage
  }

  /** Something is to be done besides what runs. */
  get isPending(): boolean {
    return this.#sealed.length > 0 || this.current.isPending
  }

  /** Takes out all stages, the running one included. */
  takeAll(): ReadonlyArray<Stage> {
    const running = this.running === undefined ? [] : [this.running]
    const stages = [...running, ...this.#sealed.splice(0), this.current]
    this.current = new Stage()
    this.running = undefined
    return stages
  }
}
