/**
 * When what one stream still has to do to its files (`StageQueue`) is done, and by whom: stages of bytes and records,
 * separated by the steps that change files (open, close, move, truncate, leave a chunk).
 *
 * The building side is plain code called from socket reads; the running side is the stream's fiber. A stage is sealed
 * when the fiber takes it or a step follows it; what arrives while it is written gathers in the next one.
 *
 * When is something written? Files that keep nobody waiting (`Sink.isImmediate`) are written in the loop's turn,
 * without the fiber, as long as nothing asked before is still to be done:
 *
 * 1. many bytes of one read: within that read (`append`);
 * 2. fewer, but still a write's worth: after one more look at the sockets, perhaps by the other thread (`#onPolled`);
 *    so is the end of a large packet whose target alone waits for each answer: it has the answer before the write;
 * 3. few bytes and records: together with other streams' (`#onGathered`), or when their index is answered (`writeOut`).
 *
 * All else is the fiber's: steps, what somebody waits for, files on slow devices, and what came out short in 1 to 3.
 *
 * After a failure nothing more is written, but files are still closed, chunks left and waiters answered.
 */
import { Deferred, Effect, Exit } from "effect"
import type { Account } from "../../memory/Blocks.ts"
import type { SyncPlan } from "../../model/Sync.ts"
import { FileFailed } from "../../storage/Files.ts"
import { Wake } from "../Wake.ts"
import { BesideWaiting } from "./BesideWaiting.ts"
import { Durability, type Progress } from "./Durability.ts"
import { type Gather, gatherBytesMax } from "./Gather.ts"
import type { Sink, Stage, Step } from "./Stage.ts"
import { StageQueue } from "./StageQueue.ts"

/** The failure of a log whose fiber ended before everything was written. */
const abandoned = new FileFailed({ operation: "write", path: "", code: "ECANCELED" })

/** Bytes of one packet in one read that are worth a write of their own, if the file keeps nobody waiting. */
const bulkBytesMin = 32 * 1024

/** If one read brings so many bytes, more wait in the socket: they are written in that read, not by another thread. */
const backlogBytesMin = 192 * 1024

/** How a log makes stable what it has written. */
export interface Syncing {
  readonly plan: SyncPlan
  /** All files of the stream that are open now, and their names. */
  readonly sync: Step
}

/** Called once, in the log's fiber. */
export type OnFailure = (failure: FileFailed) => Effect.Effect<void>

export class WriteLog {
  readonly #progress: () => Progress
  readonly #gather: Gather
  readonly #syncing: Syncing | undefined
  readonly #stages: StageQueue
  readonly #durability: Durability
  #hasWork = false
  /** The fiber is to take the work now, without waiting for company. */
  #isDue = false
  /** `Gather` will call `#onGathered`. */
  #isGathering = false
  /** `Gather` will call `#onPolled`. */
  #isPolling = false
  /** The gathered bytes end with a packet whose index may be answered before they are written. */
  #isAnsweredFirst = false
  /** Bytes added since the last write. */
  #gatheredBytes = 0
  #isEnded = false
  #failure: FileFailed | undefined
  /** Of the fiber, while it has no work. */
  readonly #wake = new Wake(() => this.#isDue)
  readonly besideWaiting = new BesideWaiting()
  /** The file that the last bytes were for. */
  #sink: Sink | undefined
  /** Its device is near (`OpenFile.isNear`): an answer may wait for it, also while a file is being opened. */
  #isNear = false

  /** `onDurable` is called whenever `durable` has advanced. */
  constructor(progress: () => Progress, gather: Gather, onDurable: () => void, syncing: Syncing | undefined) {
    this.#progress = progress
    this.#gather = gather
    this.#syncing = syncing
    this.#stages = new StageQueue(progress)
    this.#durability = new Durability(progress(), syncing?.plan, onDurable, () => {
      if (!this.isStable) this.sync()
    })
  }

  /** How much of the stream is in its files. */
  get durable(): Progress {
    return this.#durability.durable
  }

  /** How much of the stream would outlive a power cut; where nothing is ever synced, `durable`. */
  get stable(): Progress {
    return this.#durability.stable
  }

  /** Everything asked so far is done, and as stable as it gets. */
  get isStable(): boolean {
    return this.isIdle && (this.#durability.isStable || this.#failure !== undefined)
  }

  /** Everything asked so far is done: the logical state is the durable one. */
  get isIdle(): boolean {
    return !this.#hasWork && this.#stages.running === undefined
  }

  get failure(): FileFailed | undefined {
    return this.#failure
  }

  // ---- building side ---------------------------------------------------------------------------------------------

  /**
   * Appends `bytes[from, to)` of a packet to the file of `sink`; they may change after the call. `isLast`: they end the
   * packet. Many bytes, for a file that keeps nobody waiting, are written at once or a look at the sockets later.
   */
  append(sink: Sink, bytes: Buffer, from: number, to: number, isLast: boolean, account: Account): void {
    if (this.#failure !== undefined) return
    this.#sink = sink
    const isBulk = to - from >= bulkBytesMin
    if (isBulk && sink.hasBeside && this.#appendBeside(sink, bytes, from, to, account)) return
    const isEnd = isBulk && isLast && sink.isImmediate && this.#syncing === undefined && this.#gather.isForOne()
    this.#isAnsweredFirst ||= isEnd
    const isMuch = to - from >= (sink.hasBeside ? backlogBytesMin : bulkBytesMin)
    const isNow = isMuch && !isEnd && this.#writeDataNow(sink)
    const rest = isNow ? from + sink.appendNow(bytes, from, to) : from
    if (rest < to) this.#stages.forBytes(sink).add(bytes, rest, to, account)
    this.#signalBytes(to - rest)
    if (rest === to || !isBulk || this.#isPolling || !sink.isImmediate) return
    this.#isPolling = true
    this.#gather.addBulk(this.#onPolled, account)
  }

  /** Adds the bytes for another thread to write, in order. False: there is no such thread, or it would not pay. */
  #appendBeside(sink: Sink, bytes: Buffer, from: number, to: number, account: Account): boolean {
    if (!this.#gather.isCrowd(account) || !this.#isClear || !this.#stages.isFor(sink)) return false
    if (!this.#stages.current.isBeside && !sink.hasBesideRoom) return false
    this.#stages.forBytes(sink).add(bytes, from, to, account)
    this.#hasWork = true
    this.#gatherMore()
    this.#stages.current.writeDataBeside(this.#onBeside)
    return true
  }

  appendZeros(sink: Sink, count: number, account: Account): void {
    if (count === 0 || this.#failure !== undefined) return
    this.#stages.forBytes(sink).addZeros(count, account)
    this.#signalBytes(count)
  }

  /** Adds one index record: `offset` as 64 bits, then the fields at `fields[at, at + fieldBytes)`. */
  record(sink: Sink, offset: number, fields: Buffer, at: number, fieldBytes: number, account: Account): void {
    if (this.#failure !== undefined) return
    this.#stages.forRecord.addRecord(sink, offset, fields, at, fieldBytes, account)
    this.#signalBytes(8 + fieldBytes)
  }

  /** A step after all that was asked before it. Cleanup steps, which close and give back, run even after a failure. */
  step(run: Step, isCleanup: boolean): void {
    this.#stages.current.steps.push({ run, isCleanup })
    this.#signal()
  }

  /** Done when all that was asked so far is in the files; fails with the log's failure. */
  get written(): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      if (this.#failure !== undefined) return Effect.fail(this.#failure)
      if (this.isIdle) return Effect.void
      const waiter = Deferred.makeUnsafe<void, FileFailed>()
      this.#stages.current.waiters.push(waiter)
      this.#signal()
      return Deferred.await(waiter)
    })
  }

  /** Done when all that was asked so far is in the files and as stable as it gets; fails with the log's failure. */
  get synced(): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      if (!this.isStable) this.sync()
      return this.written
    })
  }

  /**
   * Called before an answer: writes what has gathered, if its files keep nobody waiting. True: the answer may leave.
   * False: it should wait for `written`, since steps come first, another thread writes, or the device is slow just now.
   */
  writeOut(): boolean {
    if (this.isIdle || this.#failure !== undefined || (this.#isAnsweredFirst && this.#isClear)) return true
    if (this.#stages.current.isBeside) return false
    if (this.#writeNow()) return true
    this.#isNear ||= this.#sink?.isNear === true
    return !this.#isNear
  }

  /** Has everything asked so far synced; where nothing is ever synced, does nothing. */
  sync(): void {
    if (this.#syncing === undefined || this.#failure !== undefined) return
    this.#stages.current.wantsSync = true
    this.#signal()
  }

  /** Nothing more will be asked. */
  end(): void {
    this.#isEnded = true
    this.#signal()
  }

  #signalBytes(count: number): void {
    this.#hasWork = true
    this.#gatheredBytes += count
    if (this.#gatheredBytes >= gatherBytesMax) this.#signal()
    else this.#gatherMore()
  }

  #gatherMore(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    this.#gather.add(this.#onGathered)
  }

  readonly #onGathered = (): void => {
    this.#isGathering = false
    if (this.#stages.current.isBesideWaiting) this.#onBeside()
    if (this.#stages.current.isBeside) this.#gatherMore()
    else if (this.#hasWork && !this.#writeNow()) this.#signal()
  }

  readonly #onPolled = (hasCompany: boolean): boolean => {
    this.#isPolling = false
    if (!this.#isAnsweredFirst) return this.#writeData(hasCompany)
    if (!this.#writeNow()) this.#signal()
    return true
  }

  /** Called when another thread has written something, or has not begun in time. */
  readonly #onBeside = (): void => {
    if (this.besideWaiting.wakeFiber()) return
    this.#stages.current.settle()
    this.#writeData(true)
    this.besideWaiting.tell()
  }

  /** Another thread writes bytes of the current stage. */
  get isBeside(): boolean {
    return this.#stages.current.isBeside
  }

  #signal(): void {
    this.#hasWork = true
    this.#isDue = true
    // The fiber would run at once, and take the stage before the rest of the read is in it.
    this.#wake.callLater()
  }

  // ---- without the fiber -----------------------------------------------------------------------------------------

  /** Nothing but the bytes and records of the current stage is to be done. */
  get #isClear(): boolean {
    // What is synced with every write is written by the fiber.
    if (this.#syncing?.plan.isEager === true) return false
    return this.#stages.isPlain && !this.#isEnded && this.#failure === undefined
  }

  /** Writes the gathered bytes; with company by another thread, if there is one. False: another thread writes them. */
  #writeData(hasCompany: boolean): boolean {
    const isBeside = hasCompany && this.#isClear && this.#stages.current.writeDataBeside(this.#onBeside)
    if (isBeside) this.#gatheredBytes = 0
    else this.#writeDataNow(this.#stages.current.dataSink)
    return !isBeside
  }

  /** True when the next bytes of `sink` can go to its file at once: all before them are there. */
  #writeDataNow(sink: Sink | undefined): boolean {
    if (sink?.isImmediate !== true || !this.#isClear || !this.#stages.isFor(sink)) return false
    const isWritten = this.#stages.current.writeDataNow()
    this.besideWaiting.tell()
    if (!isWritten) return false
    this.#gatheredBytes = 0
    return true
  }

  /** Writes the current stage, if its files take it. Failures are left to the fiber. */
  #writeNow(): boolean {
    this.#isAnsweredFirst = false
    if (!this.#isClear || !this.#stages.current.writeNow() || this.#stages.current.isPending) return false
    this.#gatheredBytes = 0
    this.#hasWork = false
    this.#isDue = false
    this.#durability.advance(this.#progress(), false)
    return true
  }

  // ---- running side ----------------------------------------------------------------------------------------------

  /** The stream's fiber: writes stages as they come, until `end`. `onFailure` is told once. */
  run(onFailure: OnFailure): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => this.#isDue || this.#hasWork || !this.#isEnded,
      body: () => (this.#isDue ? this.#runStage(this.#take(), onFailure) : this.#wake.wait),
      step: () => {}
    })
  }

  #take(): Stage {
    const stages = this.#stages
    if (stages.isCurrentFirst) this.#gatheredBytes = 0
    const stage = stages.take()
    // What is left was signalled with what is taken: it is due, too, and does not wait for company anew.
    this.#hasWork = stages.isPending
    this.#isDue = this.#hasWork
    return stage
  }

  #runStage(stage: Stage, onFailure: OnFailure): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (stage.isBeside) yield* this.besideWaiting.all(stage, this.#onBeside)
      if (this.#failure === undefined && !stage.writeNow()) yield* this.#attempt(stage.write, onFailure)
      stage.releaseMemory()
      for (let step = stage.steps.shift(); step !== undefined; step = stage.steps.shift()) {
        if (this.#failure === undefined || step.isCleanup) yield* this.#attempt(step.run, onFailure)
      }
      const syncing = this.#syncing
      const isSynced = syncing !== undefined && (stage.wantsSync || syncing.plan.isEager)
      if (isSynced && this.#failure === undefined) yield* this.#attempt(syncing.sync, onFailure)
      if (this.#failure === undefined && stage.progress !== undefined) {
        this.#durability.advance(stage.progress, isSynced)
      }
      this.#stages.running = undefined
      this.besideWaiting.tell()
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

  #answer(stage: Stage): void {
    const exit = this.#failure === undefined ? Exit.void : Exit.fail(this.#failure)
    for (const waiter of stage.waiters) Deferred.doneUnsafe(waiter, exit)
  }

  /** For the fiber's end, whatever ended it: closes files, leaves chunks, gives memory back, answers who waits. */
  get abandon(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.isIdle) this.#failure ??= abandoned
      const stages = this.#stages.takeAll()
      this.#hasWork = false
      for (const stage of stages) {
        stage.releaseMemory()
        this.#answer(stage)
      }
      this.besideWaiting.tell()
      const cleanups = stages.flatMap((stage) => stage.steps.filter((step) => step.isCleanup))
      return Effect.forEach(cleanups, (step) => Effect.ignoreCause(step.run), { discard: true })
    })
  }
}
