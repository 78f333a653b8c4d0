/** One direction of a link: who may send next, and when what is sent arrives. Knows no socket. */
import { clockMillis, random, setTimeout } from "../Machine.ts"
import { Pace } from "./Pace.ts"

export interface LineOptions {
  readonly bytesPerSecond: number | undefined
  readonly delayMillis: number
  readonly jitterMillis: number
}

/** What a packet of Ethernet carries, and the headers around it that the rate of a real link counts. */
const segmentBytes = 1448
const headerBytes = 66

const onTheWire = (byteCount: number): number => byteCount + headerBytes * Math.ceil(byteCount / segmentBytes)

/** So much may wait in front of the line, in milliseconds at its rate; the rest waits at its sender. */
const queueMillis = 100

export class Line {
  #options: LineOptions
  #pace: Pace
  readonly #waiting: Array<() => void> = []
  #isRunning = false

  constructor(options: LineOptions) {
    this.#options = options
    this.#pace = new Pace(options.bytesPerSecond)
  }

  /** Changes the line for what is sent from now on. */
  change(options: LineOptions): void {
    this.#options = options
    this.#pace = new Pace(options.bytesPerSecond)
  }

  get isSlow(): boolean {
    return this.#options.bytesPerSecond !== undefined
  }

  /** Runs `turn` once there is room in front of the line, first come, first served. */
  queue(turn: () => void): void {
    this.#waiting.push(turn)
    if (!this.#isRunning) this.#run()
  }

  #run(): void {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const wait = this.#pace.hasRoomAt(queueMillis) - clockMillis()
      if (wait > 0) return void setTimeout(() => this.#run(), Math.max(1, wait))
      this.#waiting.shift()?.()
    }
    this.#isRunning = false
  }

  /** Sends `byteCount` bytes at the moment `now`, in ms; answers the moment when they are at the other end. */
  send(byteCount: number, now: number): number {
    const { delayMillis, jitterMillis } = this.#options
    const jitter = jitterMillis * (2 * random() - 1)
    return this.#pace.take(onTheWire(byteCount), now) + Math.max(0, delayMillis + jitter)
  }
}
