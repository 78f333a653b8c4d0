/** Between a tracer and its relay: counts the packets whose index the relay has answered for. */
import * as net from "node:net"
import { Effect, type Scope } from "effect"
import * as SendIndex from "../../src/protocol/control/SendIndex.ts"
import * as Header from "../../src/protocol/Header.ts"
import { Replies } from "../../src/protocol/journal/Replies.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { listening } from "../support/listening.ts"

export interface Witness {
  readonly controlPort: number
  readonly dataPort: number
  readonly answeredCount: () => number
}

/** What one control connection asks, and is answered. */
class Conversation {
  /** Whether the index asked for is a packet's, the oldest first. */
  readonly #asked: Array<boolean> = []
  readonly #onAnswered: () => void
  #bytes: Buffer = Buffer.alloc(0)
  readonly #replies = new Replies((command, bytes, from) => {
    if (command !== SendIndex.number) return
    if (this.#asked.shift() === true && bytes.readUInt32BE(from) === ReturnCode.OK) this.#onAnswered()
  })

  constructor(onAnswered: () => void) {
    this.#onAnswered = onAnswered
  }

  said(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    while (this.#bytes.length >= Header.size) {
      const size = Header.size + Number(this.#bytes.readBigUInt64BE(Header.offsets.dataSize))
      if (this.#bytes.length < size) return
      const command = this.#bytes.readUInt32BE(Header.offsets.command)
      if (command === SendIndex.number) {
        this.#asked.push(this.#bytes.readBigUInt64BE(Header.size + SendIndex.offsets.packetSize) > 0n)
      }
      this.#replies.asked(command, this.#bytes, Header.size, size)
      this.#bytes = this.#bytes.subarray(size)
    }
  }

  heard(bytes: Buffer): void {
    this.#replies.push(bytes)
  }
}

const port = (
  to: number,
  onConnection: () => { readonly said: (bytes: Buffer) => void; readonly heard: (bytes: Buffer) => void } | undefined
): Effect.Effect<number, never, Scope.Scope> =>
  listening(
    net.createServer((near) => {
      const far = net.connect(to, "127.0.0.1")
      const conversation = onConnection()
      near.on("data", (bytes: Buffer) => conversation?.said(bytes))
      far.on("data", (bytes: Buffer) => conversation?.heard(bytes))
      for (const socket of [near, far]) socket.on("error", () => [near, far].map((each) => each.destroy()))
      near.pipe(far).pipe(near)
    })
  )

export const open = (relay: {
  readonly controlPort: number
  readonly dataPort: number
}): Effect.Effect<Witness, never, Scope.Scope> =>
  Effect.gen(function* () {
    let count = 0
    const controlPort = yield* port(relay.controlPort, () => new Conversation(() => count++))
    const dataPort = yield* port(relay.dataPort, () => undefined)
    return { controlPort, dataPort, answeredCount: () => count }
  })
