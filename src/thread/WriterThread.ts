/**
 * A thread beside the event loop that writes to descriptors while the loop goes on: with large packets of several
 * streams or for several viewers at hand, copying them is most of the work, and a second processor can do it. Only for
 * descriptors that wait for nothing: files in memory, and sockets that take what they can.
 *
 * A job lies in shared memory. Posting it takes a few stores and, if the thread sleeps, one system call; so does
 * telling the loop that it is done. Code that needs a job done _settles_ it: does it itself if the thread has not
 * begun, else waits until the thread has done it. So nobody waits for longer than for his own bytes, and never for
 * another job. If the thread ends, the loop does the jobs that are left.
 */
import * as fs from "node:fs"
import type { MessagePort, Worker } from "node:worker_threads"
import { clockMillis, setImmediate } from "../Machine.ts"
import { type BesideWrite, besidePieceCountMax, isShared, type Piece } from "../memory/Piece.ts"
import {
  type Calls,
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

/** A wait for the thread is checked after this time: a wake-up may be lost, or the thread may have ended. */
const waitMillis = 10

/** In place of a number of bytes: the thread ended in a write to a socket, which took an unknown number of them. */
export const unknownBytes = -1

const nobody = () => {}

const calls: Calls = { now: () => clockMillis(), closeSync: fs.closeSync, writeSync: fs.writeSync }

/** Loaded when the thread is started: most relays never need one. */
const threads = () => process.getBuiltinModule("node:worker_threads")

/** Starts the thread; undefined: the system refused. */
export type Start = (shared: Shared, names: MessagePort) => Worker | undefined

const startWorker: Start = (shared, names) => {
  try {
    return new (threads().Worker)(program, {
      eval: true,
      name: "writer",
      execArgv: [],
      // The thread closes descriptors that others opened.
      trackUnmanagedFds: false,
      workerData: { shared, names },
      transferList: [names],
      // The thread makes few objects.
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 }
    })
  } catch {
    return undefined
  }
}

interface What {
  readonly descriptor: number
  /** Byte offset in the file, or `nowhere` for a socket. */
  readonly position: number
  /** Undefined: the descriptor is to be closed. */
  readonly pieces: ReadonlyArray<Piece> | undefined
  readonly onDone: () => void
}

export interface TimedWrite extends BesideWrite {
  /** How long the writing itself took; 0 before the write is settled. */
  readonly tookMillis: number
}

class Job implements TimedWrite {
  readonly place: number
  readonly what: What
  readonly #thread: WriterThread
  /** Defined once the job is finished; may be `unknownBytes`. */
  writtenBytes: number | undefined
  tookMillis = 0

  constructor(thread: WriterThread, place: number, what: What) {
    this.#thread = thread
    this.place = place
    this.what = what
  }

  get isBegun(): boolean {
    return this.writtenBytes !== undefined || this.#thread.hasBegun(this)
  }

  settle(): number {
    if (this.writtenBytes === undefined) this.#thread.settle(this)
    return this.writtenBytes as number
  }
}

export interface Options {
  /** A power of two. */
  readonly jobCountMax: number
  /** Called once if the thread could not be started, or ended by itself. */
  readonly onLost?: (() => void) | undefined
  readonly start?: Start | undefined
}

export class WriterThread {
  readonly #options: Options
  #worker: Worker | undefined
  #shared: Shared | undefined
  #names: MessagePort | undefined
  #state: "unused" | "starting" | "ready" | "over" = "unused"
  /** The thread's directory below `/proc`; undefined if the kernel shows none. */
  #path: string | undefined
  #isGone = false
  #jobs: Array<Job> = []
  #isReaping = false
  readonly #numbers = new WeakMap<object, number>()
  #lastNumber = 0

  /** The thread takes jobs as long as fewer than `jobCountMax` are unsettled. */
  constructor(options: Options) {
    this.#options = options
  }

  /** True while jobs are posted that are not known to be done. */
  get isBusy(): boolean {
    return this.#jobs.length > 0
  }

  get jobCount(): number {
    return this.#jobs.length
  }

  get state(): "unused" | "starting" | "ready" | "over" {
    return this.#state
  }

  /**
   * Posts a job that writes `pieces` one behind the other, at `position` of a file or to a socket. `onDone` is called
   * some time after it is done, unless it was settled before. Undefined: the thread cannot take it, do it otherwise.
   */
  write(
    descriptor: number,
    pieces: ReadonlyArray<Piece>,
    position: number | undefined,
    onDone: () => void
  ): TimedWrite | undefined {
    const shared = this.#ready()
    if (shared === undefined || pieces.length > besidePieceCountMax) return undefined
    if (!pieces.every(({ bytes }) => isShared(bytes))) return undefined
    const place = this.#place(shared)
    if (place === undefined) return undefined
    return this.#post(shared, new Job(this, place, { descriptor, position: position ?? nowhere, pieces, onDone }))
  }

  /** Has the thread close the descriptor. False: the thread is not at work, or has no room for a job. */
  close(descriptor: number): boolean {
    const shared = this.isBusy ? this.#ready() : undefined
    const place = shared === undefined ? undefined : this.#place(shared)
    if (shared === undefined || place === undefined) return false
    this.#post(shared, new Job(this, place, { descriptor, position: nowhere, pieces: undefined, onDone: nobody }))
    return true
  }

  hasBegun(job: Job): boolean {
    return Atomics.load((this.#shared as Shared).states, job.place) !== waiting
  }

  settle(job: Job): void {
    const { states } = this.#shared as Shared
    if (Atomics.compareExchange(states, job.place, waiting, taken) === waiting) this.#perform(job)
    else while (Atomics.load(states, job.place) !== done) this.#await(job)
    this.#jobs = this.#jobs.filter((each) => each !== job)
    this.#finish(job)
  }

  /** Calls `onDone` of the jobs that are done, in their order. */
  reap(): void {
    for (let job = this.#jobs[0]; job !== undefined && this.#isDone(job); job = this.#jobs[0]) {
      this.#jobs.shift()
      this.#finish(job)
      job.what.onDone()
    }
  }

  /** Starts the thread, if it was not. Most relays never need one. */
  start(): void {
    if (this.#state === "unused") this.#start()
  }

  /** Ends the thread when everything posted is done. */
  stop(): void {
    this.#state = "over"
    for (const job of this.#jobs) job.settle()
    this.#names?.close()
    void this.#worker?.terminate()
  }

  #ready(): Shared | undefined {
    this.start()
    return this.#state === "ready" ? this.#shared : undefined
  }

  #start(): void {
    const { jobCountMax, start = startWorker } = this.#options
    const shared: Shared = {
      posted: new Int32Array(new SharedArrayBuffer(4)),
      doneCount: new Int32Array(new SharedArrayBuffer(4)),
      states: new Int32Array(new SharedArrayBuffer(4 * jobCountMax)),
      jobs: new Float64Array(new SharedArrayBuffer(8 * jobCountMax * jobLength)),
      jobLength
    }
    const { port1, port2 } = new (threads().MessageChannel)()
    const worker = start(shared, port2)
    this.#state = "starting"
    if (worker === undefined) {
      this.#lost()
      return
    }
    this.#shared = shared
    this.#names = port1
    this.#worker = worker
    port1.unref()
    worker.unref()
    worker.once("message", (place: string) => {
      this.#path = place === "" ? undefined : `/proc/${place}`
      if (this.#state === "starting") this.#state = "ready"
    })
    // The event "exit" follows.
    worker.on("error", nobody)
    worker.once("exit", () => this.#lost())
  }

  /** The thread has ended: does what was posted, and nothing more is taken. */
  #lost(): void {
    this.#isGone = true
    if (this.#state === "over") return
    this.#state = "over"
    this.#options.onLost?.()
    for (const job of [...this.#jobs]) {
      job.settle()
      job.what.onDone()
    }
  }

  /** The number by which jobs name the memory. The thread forgets it when the loop's buffer has been collected. */
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

  /** A free place for a job; undefined: all are taken. */
  #place({ posted, states }: Shared): number | undefined {
    this.reap()
    const place = Atomics.load(posted, 0) % states.length
    return Atomics.load(states, place) === free ? place : undefined
  }

  #post(shared: Shared, job: Job): Job {
    const { posted, states } = shared
    this.#describe(shared, job)
    this.#jobs.push(job)
    Atomics.store(states, job.place, waiting)
    Atomics.store(posted, 0, (Atomics.load(posted, 0) + 1) & postedMask)
    Atomics.notify(posted, 0)
    this.#reapLater(shared)
    return job
  }

  #describe({ jobs }: Shared, { place, what }: Job): void {
    let at = place * jobLength
    jobs[at++] = what.descriptor
    jobs[at++] = what.position
    jobs[at++] = what.pieces?.length ?? closing
    for (const { bytes, from, to } of what.pieces ?? []) {
      jobs[at++] = this.#numberOf(bytes.buffer)
      jobs[at++] = bytes.byteOffset + from
      jobs[at++] = to - from
    }
  }

  /** Does the job in this thread. */
  #perform({ place, what }: Job): void {
    const { jobs } = this.#shared as Shared
    const memories = new Map(
      (what.pieces ?? []).map(({ bytes: { buffer } }) => [this.#numberOf(buffer), new Uint8Array(buffer)])
    )
    perform(jobs, place * jobLength, calls, (number) => memories.get(number))
  }

  /** Waits a while for the thread to be done with the job; if it has ended, does the job or gives it up. */
  #await(job: Job): void {
    const { jobs, states } = this.#shared as Shared
    Atomics.wait(states, job.place, taken, waitMillis)
    this.#isGone ||= this.#path !== undefined && !fs.existsSync(this.#path)
    if (Atomics.load(states, job.place) === done || !this.#isGone) return
    // The thread may have ended anywhere in the job. In a file the same bytes can be written again, at the same place.
    // To a socket they cannot, and a descriptor that was to be closed may be somebody else's by now.
    if (job.what.position === nowhere) jobs[job.place * jobLength] = unknownBytes
    else {
      this.#describe(this.#shared as Shared, job)
      this.#perform(job)
    }
    Atomics.store(states, job.place, done)
  }

  #isDone(job: Job): boolean {
    return Atomics.load((this.#shared as Shared).states, job.place) === done
  }

  #finish(job: Job): void {
    const { jobs, states } = this.#shared as Shared
    job.writtenBytes = jobs[job.place * jobLength] as number
    job.tookMillis = jobs[job.place * jobLength + 1] as number
    Atomics.store(states, job.place, free)
  }

  /** Reaps when the thread has done something. */
  #reapLater(shared: Shared): void {
    if (this.#isReaping) return
    this.#isReaping = true
    const seen = Atomics.load(shared.doneCount, 0)
    const isLate = this.#jobs.some((job) => this.#isDone(job))
    const { async, value } = Atomics.waitAsync(shared.doneCount, 0, isLate ? seen - 1 : seen)
    const reap = () => {
      this.#isReaping = false
      this.reap()
      if (this.isBusy) this.#reapLater(shared)
    }
    if (async) void value.then(reap)
    else setImmediate(reap)
  }
}
