/** What lies between an edge and its relay, and may be cut. */
import * as net from "node:net"
import { Effect, type Scope } from "effect"
import { listening } from "../support/listening.ts"

/** A port that leads to another one, for so many bytes each time. */
export class Link {
  readonly #server: net.Server
  readonly #cuts = new Set<() => void>()
  /** Leads nowhere. */
  isDown = false
  /** Connections that were, and are no more. */
  endedCount = 0
  /** Asked before anything passes; false: it does not, and the connection is cut. */
  passes: () => boolean = () => true

  /** `bytesOf`: what a connection may bring; as much as it likes if nothing is said. */
  constructor(portOf: () => number, bytesOf = () => Number.POSITIVE_INFINITY, host = "127.0.0.1") {
    this.#server = net.createServer((near) => {
      near.on("error", () => undefined)
      if (this.isDown) return near.destroy()
      let left = bytesOf()
      const far = net.connect(portOf(), host)
      const cut = () => {
        if (this.#cuts.delete(cut)) this.endedCount++
        near.destroy()
        far.destroy()
      }
      this.#cuts.add(cut)
      for (const socket of [near, far]) socket.on("error", cut).on("close", cut)
      near.on("data", (bytes: Buffer) => {
        if (!this.passes()) return cut()
        const passed = bytes.subarray(0, left)
        left -= passed.length
        far.write(passed)
        if (left === 0) cut()
      })
      far.pipe(near)
    })
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  /** Nothing passes any more that was not passed before. */
  cut(): void {
    for (const cut of [...this.#cuts]) cut()
  }

  get open(): Effect.Effect<Link, never, Scope.Scope> {
    return Effect.addFinalizer(() => Effect.sync(() => this.cut())).pipe(
      Effect.andThen(listening(this.#server)),
      Effect.as(this)
    )
  }
}
