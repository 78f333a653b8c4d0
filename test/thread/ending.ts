/** Threads in the place of the one that writes: they end, or do nothing. */
import { type MessagePort, Worker } from "node:worker_threads"
import { program, type Shared } from "../../src/thread/Work.ts"

const of = (body: string) => (shared: Shared, names: MessagePort) =>
  new Worker(body, { eval: true, workerData: { shared, names }, transferList: [names] })

const head = `
const { workerData, parentPort } = require("node:worker_threads")
const fs = require("node:fs")
const { posted, states, jobs, jobLength } = workerData.shared
parentPort.postMessage(fs.readlinkSync("/proc/thread-self"))`

/** It takes the first job, begins to write it if it is to a file, and ends. */
export const endsInJob = of(`${head}
Atomics.wait(posted, 0, 0)
if (Atomics.compareExchange(states, 0, 1, 2) !== 1) throw new Error("somebody else did it")
if (jobs[1] >= 0) fs.writeSync(jobs[0], "begun", jobs[1])`)

/** It is there, and takes no job. */
export const idles = of(`${head}
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`)

/** As the real one, but it can be ended. */
export const endable = () => {
  const workers: Array<Worker> = []
  return {
    workers,
    start: (shared: Shared, names: MessagePort) => {
      const worker = of(program)(shared, names)
      workers.push(worker)
      return worker
    }
  }
}
