/**
 * What one stream still has to do to its files, in order: bytes and index records gathered into stages, separated by
 * the steps that change files (open, close, move, truncate, leave a chunk).
 *
 * The building side is plain code called from socket reads; the running side is the stream's fiber. Within a stage all
 * bytes are written before any record, so an index record never points past written bytes. A stage is sealed when the
 * fiber takes it or a step follows it; what arrives while it is written gathers in the next one.
 *
 * After a failure nothing more is written, but files are still closed, chunks left and waiters answered.
 */
import { Deferred, Effect, Exit } from "effect"
import type { Account, Block } from "../memory/Blocks.ts"
import { blockBytes } from "../memory/Blocks.ts"
import { FileFailed } from "../storage/Files.ts"
import { type Gather, gatherBytesMax } from "./Gather.ts"

/** Blocks written by one system call at most: 1 MiB keeps a thread of the pool busy for well under a millisecond. */
const writeBlockCountMax = 16
/** Padding is filled into blocks up to this; the rest of a longer run is written from a shared page. */
const inlineZerosMax = blockBytes
const zeros = Buffer.alloc(blockBytes)
/** What a log fails with whose fiber ended before its work. */
const abandoned = new FileFailed({ operation: "write", path: "", code: "ECANCELED" })

/** Where stage bytes and records go. */
export interface Sink {
  readonly append: (buffers: ReadonlyArray<Uint8Array>, byteCount: number) => Effect.Effect<void, FileFailed>
}

export type Step = Effect.Effect<void, FileFailed>

/** Told once, in the log's fiber, when the log fails for good. */
export type OnFailure = (failure: FileFailed) => Effect.Effect<void>

/** How far the stream's logical state had come when a stage was sealed; durable once the stage is done. */
export interface Progress {
  readonly prevDataSeq: bigint
  readonly prevIndexSeq: bigint
  readonly indexCount: number
  readonly packetCount: number
  readonly byteCount: number
}

interface Records {
  readonly sink: Sink
  readonly block: Block
}

interface Stage {
  readonly data: Array<Block | number>
  readonly records: Array<Records>
  readonly steps: Array<{ readonly run: Step; readonly isCleanup: boolean }>
  readonly waiters: Array<Deferred.Deferred<void, FileFailed>>
  dataSink: Sink | undefined
  progress: Progress | undefined
}

const makeStage = (): Stage => ({
  data: [],
  records: [],
  steps: [],
  waiters: [],
  dataSink: undefined,
  progress: undefined
})

export class WriteLog {
  readonly #progress: () => Progress
  readonly #gather: Gather
  readonly #onDurable: () => void
  readonly #sealed: Array<Stage> = []
  #current = makeStage()
  #hasWork = false
  /** The work is not to wait for more. */
  #isDue = false
  #isGathering = false
  #gatheredBytes = 0
  #running: Stage | undefined
  #isEnded = false
  #failure: FileFailed | undefined
  #wake: (() => void) | undefined
  /** What of the stream is in its files. */
  durable: Progress

  /** `onDurable` is called whenever `durable` has advanced. */
  constructor(progress: () => Progress, gather: Gather, onDurable: () => void = () => {}) {
    this.#progress = progress
    this.#gather = gather
    this.#onDurable = onDurable
    this.durable = progress()
  }

  /** Everything asked so far is done: the logical state is the durable one. */
  get isIdle(): boolean {
    return !this.#hasWork && this.#running === undefined
  }

  get failure(): FileFailed | undefined {
    return this.#failure
  }

  // ---- building side ---------------------------------------------------------------------------------------------

  /** Copies `bytes[from, to)` behind what the sink already has. `sink` is the same for all bytes of a stage. */
  append(sink: Sink, bytes: Buffer, from: number, to: number, account: Account): void {
    if (this.#failure !== undefined) return
    const stage = this.#stage(sink)
    this.#signalBytes(to - from)
    let at = from
    while (at < to) {
      const block = this.#room(stage, account, to - at)
      const count = Math.min(to - at, block.bytes.length - block.length)
      bytes.copy(block.bytes, block.length, at, at + count)
      block.length += count
      at += count
    }
  }

  appendZeros(sink: Sink, count: number, account: Account): void {
    if (count === 0 || this.#failure !== undefined) return
    const stage = this.#stage(sink)
    this.#signalBytes(count)
    // Even the longest run costs its connection a block: nobody queues work for the disk that is not accounted for.
    let left = Math.min(count, inlineZerosMax)
    while (left > 0) {
      const block = this.#room(stage, account, left)
      const filled = Math.min(left, block.bytes.length - block.length)
      block.bytes.fill(0, block.length, block.length + filled)
      block.length += filled
      left -= filled
    }
    if (count > inlineZerosMax) stage.data.push(count - inlineZerosMax)
  }

  /** Adds one index record: `offset`, then the fields at `fields[at, at + fieldBytes)`. */
  record(sink: Sink, offset: number, fields: Buffer, at: number, fieldBytes: number, account: Account): void {
    if (this.#failure !== undefined) return
    // Steps run after a stage's records; a record that comes after a step needs the next stage.
    if (this.#current.steps.length > 0) this.#seal()
    const stage = this.#current
    const size = 8 + fieldBytes
    let records = stage.records.at(-1)
    if (records?.sink !== sink || records.block.length + size > records.block.bytes.length) {
      records = { sink, block: account.pool.take(account, records === undefined ? size : blockBytes) }
      stage.records.push(records)
    }
    const { block } = records
    block.bytes.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), block.length)
    block.bytes.writeUInt32BE(offset >>> 0, block.length + 4)
    fields.copy(block.bytes, block.length + 8, at, at + fieldBytes)
    block.length += size
    this.#signalBytes(size)
  }

  /** A step after all that was asked before it. Cleanup steps run even after a failure. */
  step(run: Step, isCleanup: boolean): void {
    this.#current.steps.push({ run, isCleanup })
    this.#signal()
  }

  /** Done when all that was asked so far is in the files; fails with the log's failure. */
  get synced(): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      if (this.#failure !== undefined) return Effect.fail(this.#failure)
      if (this.isIdle) return Effect.void
      const waiter = Deferred.makeUnsafe<void, FileFailed>()
      this.#current.waiters.push(waiter)
      this.#signal()
      return Deferred.await(waiter)
    })
  }

  /** No more will be asked: the fiber ends when the log is done. */
  end(): void {
    this.#isEnded = true
    this.#signal()
  }

  #stage(sink: Sink): Stage {
    // Steps run after a stage's bytes; bytes that come after a step need the next stage.
    if (this.#current.steps.length > 0 || (this.#current.dataSink ?? sink) !== sink) this.#seal()
    this.#current.dataSink = sink
    return this.#current
  }

  /** A block with room. The first of a stage may be small; a stream that brings more than one packet gets full ones. */
  #room(stage: Stage, account: Account, byteCount: number): Block {
    const last = stage.data.at(-1)
    if (last !== undefined && typeof last !== "number" && last.length < last.bytes.length) return last
    const block = account.pool.take(account, last === undefined ? byteCount : blockBytes)
    stage.data.push(block)
    return block
  }

  #seal(): void {
    this.#current.progress = this.#progress()
    this.#sealed.push(this.#current)
    this.#current = makeStage()
  }

  #signalBytes(count: number): void {
    this.#hasWork = true
    this.#gatheredBytes += count
    if (this.#gatheredBytes >= gatherBytesMax) this.#signal()
    else if (!this.#isGathering) {
      this.#isGathering = true
      this.#gather.add(this.#onGathered)
    }
  }

  readonly #onGathered = (): void => {
    this.#isGathering = false
    if (this.#hasWork) this.#signal()
  }

  #signal(): void {
    this.#hasWork = true
    this.#isDue = true
    const wake = this.#wake
    if (wake !== undefined) {
      this.#wake = undefined
      // Not now: the fiber would run inside this call, and take the stage before the rest of the read is in it.
      queueMicrotask(wake)
    }
  }

  // ---- running side ----------------------------------------------------------------------------------------------

  /** The stream's fiber: writes stages as they come, until `end`. `onFailure` is told once. */
  run(onFailure: OnFailure): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        if (this.#isDue) yield* this.#runStage(this.#take(), onFailure)
        else if (this.#isEnded && !this.#hasWork) return
        else yield* this.#work
      }
    })
  }

  readonly #work = Effect.callback<void>((resume) => {
    this.#wake = () => resume(Effect.void)
  })

  #take(): Stage {
    if (this.#sealed.length === 0) {
      this.#seal()
      this.#gatheredBytes = 0
    }
    const stage = this.#sealed.shift() as Stage
    // What was asked before is due as it was; nothing that came with it waits again.
    this.#hasWork = this.#sealed.length > 0 || this.#isPending(this.#current)
    this.#isDue = this.#hasWork
    this.#running = stage
    return stage
  }

  #isPending(stage: Stage): boolean {
    return stage.data.length + stage.records.length + stage.steps.length + stage.waiters.length > 0
  }

  #runStage(stage: Stage, onFailure: OnFailure): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (this.#failure === undefined) yield* this.#attempt(this.#write(stage), onFailure)
      this.#releaseBlocks(stage)
      for (let step = stage.steps.shift(); step !== undefined; step = stage.steps.shift()) {
        if (this.#failure === undefined || step.isCleanup) yield* this.#attempt(step.run, onFailure)
      }
      if (this.#failure === undefined && stage.progress !== undefined) {
        this.durable = stage.progress
        this.#onDurable()
      }
      this.#running = undefined
      this.#answer(stage)
    })
  }

  #attempt(step: Step, onFailure: OnFailure): Effect.Effect<void> {
    return Effect.catch(step, (failure) => {
      if (this.#failure !== undefined) return Effect.void
      this.#failure = failure
      return onFailure(failure)
    })
  }

  #write(stage: Stage): Effect.Effect<void, FileFailed> {
    if (stage.data.length === 0) return this.#writeRecords(stage)
    const data = this.#writeData(stage, 0)
    return stage.records.length === 0 ? data : Effect.andThen(data, this.#writeRecords(stage))
  }

  #writeData(stage: Stage, from: number): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      const sink = stage.dataSink as Sink
      const first = stage.data[from]
      if (first === undefined) return Effect.void
      const buffers: Array<Uint8Array> = []
      let byteCount = 0
      let next = from
      if (typeof first === "number") {
        byteCount = Math.min(first, zeros.length * writeBlockCountMax)
        for (let left = byteCount; left > 0; left -= zeros.length) {
          buffers.push(left < zeros.length ? zeros.subarray(0, left) : zeros)
        }
        if (byteCount === first) next++
        else stage.data[from] = first - byteCount
      } else {
        for (; next < stage.data.length && next - from < writeBlockCountMax; next++) {
          const block = stage.data[next] as Block | number
          if (typeof block === "number") break
          buffers.push(block.length === block.bytes.length ? block.bytes : block.bytes.subarray(0, block.length))
          byteCount += block.length
        }
      }
      const write = sink.append(buffers, byteCount)
      return next < stage.data.length ? Effect.andThen(write, this.#writeData(stage, next)) : write
    })
  }

  #writeRecords(stage: Stage): Effect.Effect<void, FileFailed> {
    return Effect.forEach(
      stage.records,
      ({ sink, block }) => sink.append([block.bytes.subarray(0, block.length)], block.length),
      { discard: true }
    )
  }

  #releaseBlocks(stage: Stage): void {
    for (const block of stage.data) if (typeof block !== "number") block.owner?.pool.release(block)
    for (const { block } of stage.records) block.owner?.pool.release(block)
    stage.data.length = 0
    stage.records.length = 0
  }

  #answer(stage: Stage): void {
    const exit = this.#failure === undefined ? Exit.void : Exit.fail(this.#failure)
    for (const waiter of stage.waiters) Deferred.doneUnsafe(waiter, exit)
  }

  /** However the fiber ended: files are closed, chunks left, memory given back, and nobody stays waiting. */
  get abandon(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const stages = [...(this.#running === undefined ? [] : [this.#running]), ...this.#sealed, this.#current]
      if (!this.isIdle) this.#failure ??= abandoned
      this.#sealed.length = 0
      this.#current = makeStage()
      this.#hasWork = false
      this.#running = undefined
      for (const stage of stages) {
        this.#releaseBlocks(stage)
        this.#answer(stage)
      }
      const cleanups = stages.flatMap((stage) => stage.steps.filter((step) => step.isCleanup))
      return Effect.forEach(cleanups, (step) => Effect.ignore(step.run), { discard: true })
    })
  }
}
