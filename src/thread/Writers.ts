/**
 * The threads that write files beside the event loop, up to a maximum. Each is started when those before it have
 * enough to do, so a relay that is not busy has none; one that has ended is not replaced, and the others, or the loop,
 * do its work.
 *
 * A job goes to the thread that has least to do. One file has one job at a time (`relay/stream/Stage`), so its bytes
 * come in their order whichever threads write them.
 */
import { availableParallelism } from "node:os"
import type { Piece } from "../memory/Piece.ts"
import type { Contention } from "./Contention.ts"
import { type Options, WriterThread } from "./WriterThread.ts"

/**
 * Jobs of one thread: one that it is doing, and one for when that is done. More jobs would only have left the caches by
 * their turn: another thread is started, or the loop writes itself.
 */
const jobCountMax = 2

/** The loop cannot keep more threads than this busy. */
const defaultCountMax = 4

/**
 * How many threads write files by default. One processor is for the loop, which reads, one for whoever sends: with a
 * third one another thread writes sooner than the loop, which has just read.
 */
export const defaultCount = (processorCount: number = availableParallelism()): number =>
  Math.min(Math.max(processorCount - 2, 0), defaultCountMax)

/** Whether there is a thread that sends answers to viewers. `count`: the writing threads asked for, if any were. */
export const hasSender = (count: number | undefined, processorCount: number = availableParallelism()): boolean =>
  count === undefined ? processorCount > 1 : count > 0

export interface WritersOptions extends Pick<Options, "onLost" | "start"> {
  readonly countMax: number
  /** While this says that processors are short, no new job is taken. */
  readonly contention?: Pick<Contention, "isShort"> | undefined
}

export class Writers {
  readonly #options: WritersOptions
  readonly #threads: Array<WriterThread> = []

  constructor(options: WritersOptions) {
    this.#options = options
  }

  /** True if a thread is there or could be started. */
  get isUsable(): boolean {
    const { countMax } = this.#options
    return this.#threads.length < countMax || this.#threads.some(({ state }) => state !== "over")
  }

  /** True if a thread has room for a job. If none has, one more is started, up to the maximum. */
  get hasRoom(): boolean {
    return this.#next() !== undefined
  }

  /** See `WriterThread.write`. */
  write(descriptor: number, pieces: ReadonlyArray<Piece>, position: number, onDone: () => void) {
    return this.#next()?.write(descriptor, pieces, position, onDone)
  }

  /** Has a busy thread close the descriptor. False: no thread is busy, or the one with least to do has no room. */
  close(descriptor: number): boolean {
    const busy = this.#threads.filter(({ isBusy }) => isBusy)
    return leastBusy(busy)?.close(descriptor) === true
  }

  stop(): void {
    for (const thread of this.#threads) thread.stop()
  }

  /** The thread for the next job; undefined: the loop is to do it. */
  #next(): WriterThread | undefined {
    const { contention, countMax } = this.#options
    if (countMax === 0 || contention?.isShort() === true) return undefined
    const thread = leastBusy(this.#threads.filter(hasRoom))
    const isStarting = this.#threads.some(({ state }) => state === "starting")
    if (thread === undefined && !isStarting && this.#threads.length < countMax) this.#start()
    return thread
  }

  #start(): void {
    const { onLost, start } = this.#options
    const thread = new WriterThread({ jobCountMax, onLost, start })
    this.#threads.push(thread)
    thread.start()
  }
}

const hasRoom = (thread: WriterThread): boolean => {
  if (thread.state !== "ready") return false
  thread.reap()
  return thread.jobCount < jobCountMax
}

const leastBusy = (threads: ReadonlyArray<WriterThread>): WriterThread | undefined => {
  let least = threads[0]
  for (const thread of threads) if (least === undefined || thread.jobCount < least.jobCount) least = thread
  return least
}
