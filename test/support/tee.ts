/**
 * A tracer to two relays at once: what it says goes to both, what it hears is the first one's. An answer passes when
 * the second one has answered as much, so that both take what comes over several connections in the same order, and
 * count handles alike.
 */
import * as net from "node:net"
import { Effect, type Scope } from "effect"
import { listening } from "./listening.ts"

export interface Ports {
  readonly controlPort: number
  readonly dataPort: number
}

interface Tee extends Ports {
  /** Connections that are open. */
  readonly count: () => number
}

const host = "127.0.0.1"

class Answers {
  readonly #near: net.Socket
  #held: Buffer = Buffer.alloc(0)
  #secondBytes = 0
  #passedBytes = 0

  constructor(near: net.Socket) {
    this.#near = near
  }

  first(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes])
    this.#pass()
  }

  second(byteCount: number): void {
    this.#secondBytes += byteCount
    this.#pass()
  }

  #pass(): void {
    const due = Math.min(this.#held.length, this.#secondBytes - this.#passedBytes)
    if (due <= 0) return
    this.#near.write(this.#held.subarray(0, due))
    this.#held = this.#held.subarray(due)
    this.#passedBytes += due
  }
}

const port = (first: number, second: number, all: Set<net.Socket>): Effect.Effect<number, never, Scope.Scope> =>
  listening(
    net.createServer({ allowHalfOpen: true }, (near) => {
      const fars = [first, second].map((to) => net.connect({ port: to, host, allowHalfOpen: true }))
      const answers = new Answers(near)
      all.add(near)
      near.on("close", () => all.delete(near))
      near.on("data", (bytes) => {
        // The slower of the two holds back the tracer.
        const slow = fars.filter((far) => !far.write(bytes))
        if (slow.length === 0) return
        near.pause()
        let left = slow.length
        for (const far of slow) far.once("drain", () => --left === 0 && near.resume())
      })
      near.on("end", () => {
        for (const far of fars) far.end()
      })
      fars[0]?.on("data", (bytes) => answers.first(bytes))
      fars[1]?.on("data", (bytes) => answers.second(bytes.length))
      fars[0]?.on("end", () => near.end())
      for (const socket of [near, ...fars]) socket.on("error", () => [near, ...fars].map((each) => each.destroy()))
    }),
    host
  )

export const open = (first: Ports, second: Ports): Effect.Effect<Tee, never, Scope.Scope> =>
  Effect.gen(function* () {
    const all = yield* Effect.acquireRelease(
      Effect.sync(() => new Set<net.Socket>()),
      (sockets) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
        })
    )
    const controlPort = yield* port(first.controlPort, second.controlPort, all)
    const dataPort = yield* port(first.dataPort, second.dataPort, all)
    return { controlPort, dataPort, count: () => all.size }
  })
