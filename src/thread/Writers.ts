/**
 * The threads that write files beside the event loop, up to a number of them. Each is started when those before it have
 * enough to do, so a relay that is not busy has none; one that has ended is not replaced, and the others, or the loop,
 * do its work.
 *
 * A job goes to whoever has least to do. One file has one job at a time (`relay/stream/Stage`), so its bytes come in
 * their order whichever threads write them.
 */
import { availableParallelism } from "node:os"
import type { Piece } from "../memory/Piece.ts"
import type { Contention } from "./Contention.ts"
import { type Options, WriterThread } from "./WriterThread.ts"

/**
 * Jobs of one thread: one that it is at, and one for when it is done. More would only be colder when their turn comes:
 * another thread is started, or the loop writes itself.
 */
const jobCountMax = 2

/** More than that the loop cannot keep busy. */
const defaultCountMax = 4

/**
 * Threads that write files where nobody says how many. One processor is for what is read, one for who sends it: with a
 * third one another thread writes sooner than the loop, which has just read.
 */
export const defaultCount = (processorCount: number = availableParallelism()): number =>
  Math.min(Math.max(processorCount - 2, 0), defaultCountMax)

/** Whether there is a thread that answers viewers. */
export const hasSender = (count: number | undefined, processorCount: number = availableParallelism()): boolean =>
  count === undefined ? processorCount > 1 : count > 0

export interface WritersOptions extends Pick<Options, "onLost" | "start"> {
  readonly countMax: number
  /** While it has it that processors are short, nothing new is taken. */
  readonly contention?: Pick<Contention, "isShort"> | undefined
}

export class Writers {
  readonly #options: WritersOptions
  readonly #threads: Array<WriterThread> = []

  constructor(options: WritersOptions) {
    this.#options = options
  }

  /** A thread may be at hand, or can be started. */
  get isUsable(): boolean {
    const { countMax } = this.#options
    return this.#threads.length < countMax || this.#threads.some(({ state }) => state !== "over")
  }

  /** A thread has room for a job. If none has, one more is on its way, as far as there may be. */
  get hasRoom(): boolean {
    return this.#next() !== undefined
  }

  /** See `WriterThread.write`. */
  write(descriptor: number, pieces: ReadonlyArray<Piece>, position: number, onDone: () => void) {
    return this.#next()?.write(descriptor, pieces, position, onDone)
  }

  /** Closes the descriptor beside what is being written. False: nothing is, or there is enough to do. */
  close(descriptor: number): boolean {
    const busy = this.#threads.filter(({ isBusy }) => isBusy)
    return leastBusy(busy)?.close(descriptor) === true
  }

  stop(): void {
    for (const thread of this.#threads) thread.stop()
  }

  /** Undefined: the loop is to do it. */
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
