/**
 * What the loop and a writer thread share, and the code that runs in the latter.
 *
 * The functions are given to the other thread as text, so they refer to nothing outside themselves: whatever they need
 * is a parameter, and the states of a job are numbers.
 */
import type { MessagePort } from "node:worker_threads"
import { clockMillis } from "../Machine.ts"
import { besidePieceCountMax } from "../memory/Piece.ts"

/** States of a job's place. The thread that changes it from `waiting` to `taken` does the job. */
export const [free, waiting, taken, done] = [0, 1, 2, 3]

/** Jobs are counted modulo one more than this, which the number of places divides. */
export const postedMask = 0x3fffffff

/** Numbers of a job: descriptor, position, number of pieces; then memory, offset and length of each piece. */
export const jobLength = 3 + 3 * besidePieceCountMax
/** In place of a position: the descriptor is a socket's, or is to be closed. */
export const nowhere = -1
/** In place of a number of pieces: the descriptor is to be closed. */
export const closing = -1

export interface Shared {
  /** Count of jobs posted; the thread sleeps on it. */
  readonly posted: Int32Array
  readonly states: Int32Array
  /** Count of jobs that the thread has done; the loop is woken by it. */
  readonly doneCount: Int32Array
  /**
   * `jobLength` numbers for each place. When a job is done, the number of bytes written is in place of its descriptor,
   * and the milliseconds that it took in place of the position.
   */
  readonly jobs: Float64Array
  readonly jobLength: number
}

/** Says which memory jobs mean by a number; without `memory`, that no job will name it any more. */
export interface Naming {
  readonly number: number
  readonly memory?: Uint8Array
}

export interface Calls {
  readonly now: () => number
  readonly closeSync: (descriptor: number) => void
  readonly writeSync: (
    descriptor: number,
    memory: Uint8Array,
    offset: number,
    length: number,
    position: number | null
  ) => number
}

/** Does the job that begins at index `at` of `jobs`, and leaves its results there. */
export const perform = (
  jobs: Float64Array,
  at: number,
  calls: Calls,
  memoryOf: (number: number) => Uint8Array | undefined
): void => {
  const descriptor = jobs[at] as number
  const position = jobs[at + 1] as number
  const begunAt = calls.now()
  const pieceCount = jobs[at + 2] as number
  let writtenBytes = 0
  try {
    if (pieceCount < 0) calls.closeSync(descriptor)
    for (let piece = at + 3; piece < at + 3 + 3 * pieceCount; piece += 3) {
      const memory = memoryOf(jobs[piece] as number)
      if (memory === undefined) break
      const length = jobs[piece + 2] as number
      const place = position < 0 ? null : position + writtenBytes
      const count = calls.writeSync(descriptor, memory, jobs[piece + 1] as number, length, place)
      writtenBytes += count
      if (count < length) break
    }
  } catch {
    // The caller writes the rest in the usual way, which finds out what is wrong.
  }
  jobs[at] = writtenBytes
  jobs[at + 1] = calls.now() - begunAt
}

/** The writer thread's main loop. */
const serve = (
  shared: Shared,
  names: MessagePort,
  receive: (port: MessagePort) => { readonly message: Naming } | undefined,
  calls: Calls,
  act: typeof perform
): never => {
  const { doneCount, posted, states, jobs, jobLength } = shared
  const memories = new Map<number, Uint8Array>()
  const learn = () => {
    for (let told = receive(names); told !== undefined; told = receive(names)) {
      const { number, memory } = told.message
      if (memory === undefined) memories.delete(number)
      else memories.set(number, memory)
    }
  }
  const memoryOf = (number: number) => {
    if (!memories.has(number)) learn()
    return memories.get(number)
  }
  let next = 0
  while (true) {
    if (Atomics.load(posted, 0) === next) {
      learn()
      Atomics.wait(posted, 0, next)
      continue
    }
    const place = next % states.length
    next = (next + 1) & 0x3fffffff
    if (Atomics.compareExchange(states, place, 1, 2) !== 1) continue
    act(jobs, place * jobLength, calls, memoryOf)
    Atomics.store(states, place, 3)
    Atomics.notify(states, place)
    Atomics.add(doneCount, 0, 1)
    Atomics.notify(doneCount, 0)
  }
}

/**
 * The writer thread's program, with the machine's clock. It is given `Shared` and the port of names, and tells, once it
 * runs, its directory relative to `/proc`.
 */
export const program = `
const { workerData, parentPort, receiveMessageOnPort } = require("node:worker_threads")
const fs = require("node:fs")
const place = () => {
  try {
    return fs.readlinkSync("/proc/thread-self")
  } catch {
    return ""
  }
}
parentPort.postMessage(place())
;(${serve})(workerData.shared, workerData.names, receiveMessageOnPort, { ...fs, now: ${clockMillis} }, ${perform})`
