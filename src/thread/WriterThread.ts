/**
 * A thread beside the event loop that writes to descriptors while the loop goes on: with large packets of several
 * streams or for several viewers at hand, copying them is most of the work, and a second processor can do it. Only for
 * descriptors that wait for nothing: files in memory, and sockets that take what they can.
 *
 * A job lies in shared memory. Posting it takes a few stores and, if the thread sleeps, one system call; nothing wakes
 * the loop when it is done. Code that needs it done _settles_ it: does it itself if the thread has not begun, else
 * waits for the one write the thread is in. So nobody waits for longer than for his own bytes, and never for another
 * job.
 */
import * as fs from "node:fs"
import { availableParallelism } from "node:os"
import type { MessagePort, Worker } from "node:worker_threads"
import { setTimeout } from "../Machine.ts"
import { type BesideWrite, besidePieceCountMax, isShared, type Piece } from "../memory/Piece.ts"
import type { Contention } from "./Contention.ts"
import {
  closing,
  done,
  free,
  jobLength,
  type Naming,
  nowhere,
  perform,
  postedMask,
  program,
  type Shared,
  taken,
  waiting
} from "./Work.ts"

/** How often jobs are looked at when nothing else makes the loop do so. */
const reapMillis = 1
/** A wait for the thread is looked at again after this, should a wake-up be lost. */
const waitMillis = 10

const nobody = () => {}

/** Loaded when the thread is started: most relays never need one. */
const threads = () => process.getBuiltinModule("node:worker_threads")

/** Undefined: the system gives no thread. */
const startWorker = (shared: Shared, names: MessagePort): Worker | undefined => {
  try {
    return new (threads().Worker)(program, {
      eval: true,
      name: "writer",
      execArgv: [],
      // It closes what others opened.
      trackUnmanagedFds: false,
      workerData: { shared, names },
      transferList: [names],
      // It makes few objects.
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 }
    })
  } catch {
    return undefined
  }
}

class Job implements BesideWrite {
  readonly place: number
  readonly pieces: ReadonlyArray<Piece>
  readonly onDone: () => void
  readonly #thread: WriterThread
  /** Of a job that is done. */
  writtenBytes: number | undefined

  constructor(thread: WriterThread, place: number, pieces: ReadonlyArray<Piece>, onDone: () => void) {
    this.#thread = thread
    this.place = place
    this.pieces = pieces
    this.onDone = onDone
  }

  settle(): number {
    if (this.writtenBytes === undefined) this.#thread.settle(this)
    return this.writtenBytes as number
  }
}

export class WriterThread {
  readonly #jobCountMax: number
  readonly #contention: Pick<Contention, "isShort"> | undefined
  #worker: Worker | undefined
  #shared: Shared | undefined
  #names: MessagePort | undefined
  #state: "unused" | "starting" | "ready" | "over"
  #jobs: Array<Job> = []
  #isReaping = false
  readonly #numbers = new WeakMap<object, number>()
  #lastNumber = 0

  /**
   * Takes up to `jobCountMax` jobs, a power of two, that are not settled yet. With one processor there is nothing to
   * win, and none new while `contention` has it that they are short.
   */
  constructor(jobCountMax: number, isUsable = availableParallelism() > 1, contention?: Pick<Contention, "isShort">) {
    this.#jobCountMax = jobCountMax
    this.#contention = contention
    this.#state = isUsable ? "unused" : "over"
  }

  /** Something posted may still be to be done. */
  get isBusy(): boolean {
    return this.#jobs.length > 0
  }

  /**
   * Posts a job that writes `pieces` one behind the other, at `position` of a file or to a socket. `onDone` is called
   * some time after it is done, unless it was settled before. Undefined: it is better done otherwise.
   */
  write(
    descriptor: number,
    pieces: ReadonlyArray<Piece>,
    position: number | undefined,
    onDone: () => void
  ): BesideWrite | undefined {
    if (this.#contention?.isShort() === true) return undefined
    const shared = this.#ready()
    if (shared === undefined || pieces.length > besidePieceCountMax) return undefined
    if (!pieces.every(({ bytes }) => isShared(bytes))) return undefined
    const place = this.#place(shared)
    if (place === undefined) return undefined
    let at = place * jobLength + 3
    for (const { bytes, from, to } of pieces) {
      shared.jobs[at++] = this.#numberOf(bytes.buffer)
      shared.jobs[at++] = bytes.byteOffset + from
      shared.jobs[at++] = to - from
    }
    const job = new Job(this, place, pieces, onDone)
    this.#post(shared, job, descriptor, position ?? nowhere, pieces.length)
    return job
  }

  /** Closes the descriptor beside what is being written. False: the thread is not at work, or has enough to do. */
  close(descriptor: number): boolean {
    const shared = this.isBusy ? this.#ready() : undefined
    const place = shared === undefined ? undefined : this.#place(shared)
    if (shared === undefined || place === undefined) return false
    this.#post(shared, new Job(this, place, [], nobody), descriptor, nowhere, closing)
    return true
  }

  settle(job: Job): void {
    const { states, jobs } = this.#shared as Shared
    if (Atomics.compareExchange(states, job.place, waiting, taken) === waiting) {
      const memories = new Map(
        job.pieces.map(({ bytes: { buffer } }) => [this.#numberOf(buffer), new Uint8Array(buffer)])
      )
      perform(jobs, job.place * jobLength, fs, (number) => memories.get(number))
    } else {
      while (Atomics.load(states, job.place) !== done) Atomics.wait(states, job.place, taken, waitMillis)
    }
    this.#jobs = this.#jobs.filter((each) => each !== job)
    this.#finish(job)
  }

  /** Tells whose jobs are done. */
  reap(): void {
    for (let job = this.#jobs[0]; job !== undefined && this.#isDone(job); job = this.#jobs[0]) {
      this.#jobs.shift()
      this.#finish(job)
      job.onDone()
    }
  }

  /** Ends the thread when everything posted is done. */
  stop(): void {
    this.#state = "over"
    for (const job of this.#jobs) job.settle()
    this.#names?.close()
    void this.#worker?.terminate()
  }

  #ready(): Shared | undefined {
    if (this.#state === "unused") this.#start()
    return this.#state === "ready" ? this.#shared : undefined
  }

  #start(): void {
    const shared: Shared = {
      posted: new Int32Array(new SharedArrayBuffer(4)),
      states: new Int32Array(new SharedArrayBuffer(4 * this.#jobCountMax)),
      jobs: new Float64Array(new SharedArrayBuffer(8 * this.#jobCountMax * jobLength)),
      jobLength
    }
    const { port1, port2 } = new (threads().MessageChannel)()
    const worker = startWorker(shared, port2)
    this.#state = worker === undefined ? "over" : "starting"
    if (worker === undefined) return
    this.#shared = shared
    this.#names = port1
    this.#worker = worker
    port1.unref()
    worker.unref()
    worker.once("message", () => {
      if (this.#state === "starting") this.#state = "ready"
    })
    // It could not start: once it is there nothing can fail in it.
    worker.once("error", () => {
      this.#state = "over"
    })
  }

  /** How jobs name the memory. The thread lets go of it when this one has. */
  #numberOf(buffer: ArrayBufferLike): number {
    const known = this.#numbers.get(buffer)
    if (known !== undefined) return known
    const number = ++this.#lastNumber
    this.#numbers.set(buffer, number)
    this.#forgotten.register(buffer, number)
    this.#names?.postMessage({ number, memory: new Uint8Array(buffer) } satisfies Naming)
    return number
  }

  readonly #forgotten = new FinalizationRegistry<number>((number) => {
    this.#names?.postMessage({ number } satisfies Naming)
    if (this.#shared !== undefined) Atomics.notify(this.#shared.posted, 0)
  })

  /** A free place for a job; undefined: there are enough. */
  #place({ posted, states }: Shared): number | undefined {
    this.reap()
    const place = Atomics.load(posted, 0) % this.#jobCountMax
    return Atomics.load(states, place) === free ? place : undefined
  }

  #post({ jobs, states, posted }: Shared, job: Job, descriptor: number, position: number, pieceCount: number): void {
    const at = job.place * jobLength
    jobs[at] = descriptor
    jobs[at + 1] = position
    jobs[at + 2] = pieceCount
    this.#jobs.push(job)
    Atomics.store(states, job.place, waiting)
    Atomics.store(posted, 0, (Atomics.load(posted, 0) + 1) & postedMask)
    Atomics.notify(posted, 0)
    this.#reapLater()
  }

  #isDone(job: Job): boolean {
    return Atomics.load((this.#shared as Shared).states, job.place) === done
  }

  #finish(job: Job): void {
    const { jobs, states } = this.#shared as Shared
    job.writtenBytes = jobs[job.place * jobLength] as number
    Atomics.store(states, job.place, free)
  }

  #reapLater(): void {
    if (this.#isReaping) return
    this.#isReaping = true
    setTimeout(this.#onTime, reapMillis)
  }

  readonly #onTime = (): void => {
    this.#isReaping = false
    this.reap()
    if (this.isBusy) this.#reapLater()
  }
}
