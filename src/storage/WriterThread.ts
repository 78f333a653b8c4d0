/**
 * A thread beside the event loop that writes to files in memory while the loop goes on reading sockets: with packets of
 * several streams at hand, copying them into files is most of the work, and a second processor can do it.
 *
 * A job lies in shared memory. Posting it takes a few stores and, if the thread sleeps, one system call; nothing wakes
 * the loop when it is done. Whoever needs it done _settles_ it: does it himself if the thread has not begun, else waits
 * for the one write the thread is in. So nobody waits for longer than for his own bytes, and never for another job.
 */
import * as fs from "node:fs"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import type { Piece } from "../memory/Landing.ts"
import { type BesideWrite, besidePieceCountMax } from "./Files.ts"

/** Posted and not settled. More would only be colder when its turn comes; the loop writes meanwhile itself. */
const jobCountMax = 4
/** A job: descriptor, position, number of pieces (or `closing`), then offset and length of each. */
const jobLength = 3 + 2 * besidePieceCountMax
const closing = -1
/** States of a job. Who changes it from `waiting` to `taken` does it. */
const [free, waiting, taken, done] = [0, 1, 2, 3]

/** The count of jobs starts again after this; a multiple of `jobCountMax`. */
const postedMask = 0x3fffffff

/** How often jobs are looked at when nothing else makes the loop do so. */
const reapMillis = 1
/** A wait for the thread is looked at again after this, should a wake-up be lost. */
const waitMillis = 10

interface Shared {
  /** Jobs posted so far; the thread sleeps on it. */
  readonly posted: Int32Array
  readonly states: Int32Array
  readonly jobs: Float64Array
  /** The slabs. */
  readonly memory: Uint8Array
  readonly jobLength: number
}

/**
 * Also runs in the other thread: refers to nothing outside itself. Leaves the number of bytes written in place of the
 * descriptor.
 */
const perform = ({ jobs, memory, jobLength }: Shared, files: typeof fs, index: number): void => {
  const at = index * jobLength
  const descriptor = jobs[at] as number
  const position = jobs[at + 1] as number
  const pieceCount = jobs[at + 2] as number
  let writtenBytes = 0
  try {
    if (pieceCount < 0) files.closeSync(descriptor)
    for (let piece = 0; piece < pieceCount; piece++) {
      const offset = jobs[at + 3 + 2 * piece] as number
      const length = jobs[at + 4 + 2 * piece] as number
      const count = files.writeSync(descriptor, memory, offset, length, position + writtenBytes)
      writtenBytes += count
      if (count < length) break
    }
  } catch {
    // The rest, and why, is for the usual way of writing.
  }
  jobs[at] = writtenBytes
}

/** The other thread: refers to nothing outside itself either, and so has the states as numbers. */
const serve = (shared: Shared, files: typeof fs, act: typeof perform): never => {
  const { posted, states } = shared
  let next = 0
  while (true) {
    if (Atomics.load(posted, 0) === next) {
      Atomics.wait(posted, 0, next)
      continue
    }
    const index = next % states.length
    next = (next + 1) & 0x3fffffff
    if (Atomics.compareExchange(states, index, 1, 2) !== 1) continue
    act(shared, files, index)
    Atomics.store(states, index, 3)
    Atomics.notify(states, index)
  }
}

const source = `
const { workerData, parentPort } = require("node:worker_threads")
parentPort.postMessage("ready")
;(${serve})(workerData, require("node:fs"), ${perform})`

class Job implements BesideWrite {
  readonly index: number
  readonly #thread: WriterThread
  readonly onDone: () => void
  /** Of a job that is done. */
  writtenBytes: number | undefined

  constructor(thread: WriterThread, index: number, onDone: () => void) {
    this.#thread = thread
    this.index = index
    this.onDone = onDone
  }

  settle(): number {
    if (this.writtenBytes === undefined) this.#thread.settle(this)
    return this.writtenBytes as number
  }
}

export class WriterThread {
  readonly #memory: SharedArrayBuffer
  #worker: Worker | undefined
  #shared: Shared | undefined
  #isReady = false
  #isUsable: boolean
  #jobs: Array<Job> = []
  #isReaping = false

  /** Writes pieces that lie in `memory`. With one processor there is nothing to win. */
  constructor(memory: SharedArrayBuffer, isUsable = availableParallelism() > 1) {
    this.#memory = memory
    this.#isUsable = isUsable
  }

  /**
   * Posts a job that writes `pieces` one behind the other; they must not change until it is settled. `onDone` is called
   * some time after it is done, unless it was settled before. Undefined: it is better done otherwise.
   */
  write(
    descriptor: number,
    pieces: ReadonlyArray<Piece>,
    position: number,
    onDone: () => void
  ): BesideWrite | undefined {
    const shared = this.#ready()
    if (shared === undefined || pieces.length > besidePieceCountMax) return undefined
    if (pieces.some(({ bytes }) => bytes.buffer !== this.#memory)) return undefined
    const index = this.#place(shared)
    if (index === undefined) return undefined
    let at = index * jobLength + 3
    for (const { bytes, from, to } of pieces) {
      shared.jobs[at++] = bytes.byteOffset + from
      shared.jobs[at++] = to - from
    }
    return this.#post(shared, index, descriptor, position, pieces.length, onDone)
  }

  /** Closes the descriptor beside what is being written. False: the thread is not at work, or has enough to do. */
  close(descriptor: number): boolean {
    const shared = this.#shared
    if (shared === undefined || this.#jobs.length === 0) return false
    const index = this.#place(shared)
    if (index === undefined) return false
    this.#post(shared, index, descriptor, 0, closing, () => {})
    return true
  }

  settle(job: Job): void {
    const { states } = this.#shared as Shared
    if (Atomics.compareExchange(states, job.index, waiting, taken) === waiting) {
      perform(this.#shared as Shared, fs, job.index)
    } else {
      while (Atomics.load(states, job.index) !== done) Atomics.wait(states, job.index, taken, waitMillis)
    }
    this.#jobs = this.#jobs.filter((each) => each !== job)
    this.#finish(job)
  }

  /** Ends the thread when everything posted is done. */
  stop(): void {
    this.#isUsable = false
    this.#isReady = false
    for (const job of this.#jobs) job.settle()
    void this.#worker?.terminate()
  }

  #ready(): Shared | undefined {
    if (this.#isReady) return this.#shared
    if (this.#isUsable && this.#worker === undefined) this.#start()
    return undefined
  }

  #start(): void {
    const shared: Shared = {
      posted: new Int32Array(new SharedArrayBuffer(4)),
      states: new Int32Array(new SharedArrayBuffer(4 * jobCountMax)),
      jobs: new Float64Array(new SharedArrayBuffer(8 * jobCountMax * jobLength)),
      memory: new Uint8Array(this.#memory),
      jobLength
    }
    this.#shared = shared
    const worker = new Worker(source, {
      eval: true,
      name: "writer",
      execArgv: [],
      // It closes what others opened.
      trackUnmanagedFds: false,
      workerData: shared,
      // It makes no objects.
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 }
    })
    this.#worker = worker
    worker.unref()
    worker.once("message", () => {
      this.#isReady = this.#isUsable
    })
    // What was posted is settled without it.
    worker.once("error", () => {
      this.#isUsable = false
      this.#isReady = false
    })
  }

  /** A free place for a job; undefined: there are enough. */
  #place(shared: Shared): number | undefined {
    this.#reap()
    const index = Atomics.load(shared.posted, 0) % jobCountMax
    return Atomics.load(shared.states, index) === free ? index : undefined
  }

  #post(
    shared: Shared,
    index: number,
    descriptor: number,
    position: number,
    pieceCount: number,
    onDone: () => void
  ): Job {
    const at = index * jobLength
    shared.jobs[at] = descriptor
    shared.jobs[at + 1] = position
    shared.jobs[at + 2] = pieceCount
    const job = new Job(this, index, onDone)
    this.#jobs.push(job)
    Atomics.store(shared.states, index, waiting)
    Atomics.store(shared.posted, 0, (Atomics.load(shared.posted, 0) + 1) & postedMask)
    Atomics.notify(shared.posted, 0)
    this.#reapLater()
    return job
  }

  #reap(): void {
    const { states } = this.#shared as Shared
    for (let job = this.#jobs[0]; job !== undefined && Atomics.load(states, job.index) === done; job = this.#jobs[0]) {
      this.#jobs.shift()
      this.#finish(job)
      job.onDone()
    }
  }

  #reapLater(): void {
    if (this.#isReaping) return
    this.#isReaping = true
    setTimeout(this.#onTime, reapMillis)
  }

  readonly #onTime = (): void => {
    this.#isReaping = false
    this.#reap()
    if (this.#jobs.length > 0) this.#reapLater()
  }

  #finish(job: Job): void {
    const { jobs, states } = this.#shared as Shared
    job.writtenBytes = jobs[job.index * jobLength] as number
    Atomics.store(states, job.index, free)
  }
}
