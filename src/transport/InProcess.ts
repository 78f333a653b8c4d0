/**
 * A connection whose two ends are in this process: no port, no socket, nothing that anybody else could reach. What one
 * end writes, the other gets in a later turn of the loop, so that two ends that answer each other keep nobody waiting.
 */
import { Effect } from "effect"
import { setImmediate } from "../Machine.ts"
import { type Link, LinkLost } from "./Dial.ts"
import type { Peer, Receiver, SocketEnd } from "./Peer.ts"
import * as Unread from "./Unread.ts"
import * as Waits from "./Waits.ts"

export interface Ends {
  /** The end of the side that asks. */
  readonly link: Link
  /** The end of the side that answers. */
  readonly peer: Peer
  /** Closes the connection on behalf of the side that asks. */
  readonly leave: () => void
}

/** Once this many bytes of answers are unread, the answering end is told to send no more. */
const unreadBytesMax = 1024 * 1024

class Connection {
  readonly #name: string
  readonly #unread = Unread.make()
  readonly #waits = Waits.make()
  /** Requests that were written and are not received yet. */
  #written: Array<Buffer> = []
  #receiver: Receiver | undefined
  #isDelivering = false
  #isRead = true
  #isFull = false
  #end: SocketEnd | undefined

  constructor(name: string) {
    this.#name = name
  }

  close(end: SocketEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#written = []
    setImmediate(this.#waits.changed)
  }

  #deliverSoon(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    setImmediate(this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#isDelivering = false
    while (this.#isRead && this.#receiver !== undefined) {
      const bytes = this.#written.shift()
      if (bytes === undefined) return
      this.#isRead = this.#receiver.receive(bytes, bytes.length)
    }
  }

  readonly #lost = Effect.suspend(() =>
    Effect.fail(new LinkLost({ address: this.#name, reason: this.#end ?? "closed" }))
  )

  #arrived(count: number): Effect.Effect<void, LinkLost> {
    return Effect.flatMap(
      this.#waits.when(() => this.#unread.bytes() >= count || this.#end !== undefined),
      () => (this.#unread.bytes() >= count ? Effect.void : this.#lost)
    )
  }

  #take(count: number): Uint8Array {
    const bytes = this.#unread.take(count)
    if (this.#isFull && this.#unread.bytes() < unreadBytesMax) {
      this.#isFull = false
      setImmediate(() => this.#receiver?.drained())
    }
    return bytes
  }

  get link(): Link {
    return {
      name: this.#name,
      write: (parts) => {
        if (this.#end !== undefined) return
        this.#written.push(Buffer.concat(parts))
        this.#deliverSoon()
      },
      isDrained: () => this.#end === undefined,
      drained: Effect.suspend(() => (this.#end === undefined ? Effect.void : this.#lost)),
      whenDrained: (then) => this.#waits.once(() => true, then),
      read: (count) => Effect.map(this.#arrived(count), () => this.#take(count)),
      readable: this.#arrived(1),
      ended: this.#waits.when(() => this.#end !== undefined)
    }
  }

  get peer(): Peer {
    return {
      name: this.#name,
      certificate: undefined,
      landing: undefined,
      start: (receiver) => {
        this.#receiver = receiver
        this.#deliverSoon()
      },
      resume: () => {
        this.#isRead = true
        this.#deliverSoon()
      },
      send: (bytes, sent) => {
        if (this.#end === undefined) this.#unread.add(Buffer.from(bytes))
        sent?.()
        // Whoever waits for the bytes must not run inside this call.
        setImmediate(this.#waits.changed)
        this.#isFull = this.#unread.bytes() >= unreadBytesMax
        return !this.#isFull
      },
      // Reads need no bound and no deadline: the other end is our own.
      readAtMost: () => {},
      expect: () => {},
      close: () => this.close("closed by relay"),
      destroy: () => this.close("closed by relay"),
      whenGone: (then) => {
        if (this.#end !== undefined) then(this.#end)
        else
          this.#waits.once(
            () => this.#end !== undefined,
            () => then(this.#end as SocketEnd)
          )
      }
    }
  }
}

/** Makes a connection that logs call `name`. */
export const make = (name: string): Ends => {
  const connection = new Connection(name)
  return { link: connection.link, peer: connection.peer, leave: () => connection.close("closed by peer") }
}
