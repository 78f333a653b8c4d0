/**
 * Ends this process when what it does takes too long, even where it never comes back to its event loop: a thread beside
 * it looks, says what it was at, and where it was, several times. It counts its looks: while the process is stopped, as
 * for a measurement beside it, there are none.
 */
import { Worker } from "node:worker_threads"

/** Runs in the thread: what it says goes to the descriptor, since streams of a thread are the main thread's. */
const program = `
const { writeSync } = require("node:fs")
const { Session } = require("node:inspector")
const { workerData: { beat, millisMax, sampleCount } } = require("node:worker_threads")
const turn = new Int32Array(beat, 0, 1), current = new Float64Array(beat, 8, 1)
const everyMillis = 200
let seen = -1, lookCount = 0
const look = setInterval(() => {
  const now = Atomics.load(turn, 0)
  if (now !== seen || now % 2 === 0) {
    seen = now
    lookCount = 0
  } else if (++lookCount * everyMillis > millisMax) {
    clearInterval(look)
    sample()
  }
}, everyMillis)
const sample = () => {
  const session = new Session()
  const places = new Map()
  let left = sampleCount
  const end = () => {
    const lines = [...places].sort((a, b) => b[1] - a[1]).map(([place, count]) => count + " x " + place)
    writeSync(2, "seed " + current[0] + " is not over after " + millisMax / 1000 + " s; it was at\\n" + lines.join("\\n") + "\\n")
    process.kill(process.pid, "SIGKILL")
  }
  session.connectToMainThread()
  session.on("Debugger.paused", ({ params: { callFrames } }) => {
    const place = callFrames.slice(0, 12).map(({ functionName, location, url }) =>
      (functionName || "-") + " " + url.split("/").slice(-3).join("/") + ":" + (location.lineNumber + 1)).join(" < ")
    places.set(place, (places.get(place) ?? 0) + 1)
    if (--left <= 0) return end()
    session.post("Debugger.resume")
    setTimeout(() => session.post("Debugger.pause"), 20)
  })
  session.post("Debugger.enable")
  session.post("Debugger.pause")
  // Asleep for ever.
  setTimeout(end, 5000)
}
`

export class Watchdog {
  readonly #turn: Int32Array
  readonly #current: Float64Array

  constructor(millisMax: number) {
    const beat = new SharedArrayBuffer(16)
    this.#turn = new Int32Array(beat, 0, 1)
    this.#current = new Float64Array(beat, 8, 1)
    new Worker(program, { eval: true, execArgv: [], workerData: { beat, millisMax, sampleCount: 20 } }).unref()
  }

  /** What has this seed begins. */
  begin(seed: number): void {
    this.#current[0] = seed
    Atomics.add(this.#turn, 0, 1)
  }

  end(): void {
    Atomics.add(this.#turn, 0, 1)
  }
}
