/**
 * The network between an edge and its relay in a simulated world: bytes arrive later, in their order and in pieces; a
 * connection breaks after so many of them. Its two ends may learn of that at different times, so that the relay has
 * both the old connection and a new one for a while, and what was under way on the old one may still come.
 */
import { Effect, type Scope } from "effect"
import * as Machine from "../../../src/Machine.ts"
import { DialFailed, type Link, LinkLost } from "../../../src/transport/Dial.ts"
import type { Peer, Receiver, SocketEnd } from "../../../src/transport/Peer.ts"
import * as Unread from "../../../src/transport/Unread.ts"
import * as Waits from "../../../src/transport/Waits.ts"
import type { Random } from "../../support/Random.ts"

export interface Weather {
  /** A byte takes up to so long. */
  readonly latencyMillis: number
  /** Of a connection, towards the relay; it breaks in the midst of what comes then. */
  readonly byteCount: () => number
  /** How much later than the edge the relay hears that it is broken. */
  readonly lateMillis: () => number
}

const address = "the relay:5342"
const bufferedBytesMax = 64 * 1024

interface Told {
  readonly onPassed: (byteCount: number) => void
  readonly onCut: () => void
  readonly onOver: () => void
}

class Connection {
  readonly #random: Random
  readonly #weather: Weather
  readonly #told: Told
  readonly #unread = Unread.make()
  readonly #waits = Waits.make()
  #end: SocketEnd | undefined
  readonly #onGone: Array<(end: SocketEnd) => void> = []
  #left: number
  #arrived: Array<Buffer> = []
  #receiver: Receiver | undefined
  #isRead = false
  /** As each end sees it. */
  #isLost = false
  #isClosed = false
  #isEnding = false
  #underWayBytes = 0
  readonly #lastAt = { there: 0, back: 0 }

  constructor(random: Random, weather: Weather, told: Told) {
    this.#told = told
    this.#random = random
    this.#weather = weather
    this.#left = weather.byteCount()
  }

  #later(way: "there" | "back", act: () => void): void {
    const now = Machine.clockMillis()
    this.#lastAt[way] = Math.max(this.#lastAt[way], now + this.#random.next() * this.#weather.latencyMillis)
    Machine.setTimeout(act, this.#lastAt[way] - now)
  }

  cut(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#told.onCut()
    Machine.setImmediate(this.#waits.changed)
    Machine.setTimeout(() => this.#close("socket error"), this.#weather.lateMillis())
  }

  /** The relay is gone, and all it had. */
  vanish(): void {
    this.#isClosed = true
    this.cut()
  }

  #close(end: SocketEnd): void {
    this.#told.onOver()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#arrived = []
    if (this.#end !== undefined) return
    this.#end = end
    for (const then of this.#onGone.splice(0)) then(end)
  }

  #write(bytes: Buffer): void {
    if (this.#isLost) return
    const passed = Buffer.from(bytes.subarray(0, this.#left))
    this.#told.onPassed(passed.length)
    this.#left -= passed.length
    for (let at = 0; at < passed.length; ) {
      const end = Math.min(passed.length, at + this.#random.between(1, 3000))
      const piece = passed.subarray(at, end)
      this.#underWayBytes += piece.length
      this.#later("there", () => {
        this.#arrived.push(piece)
        this.#pump()
      })
      at = end
    }
    if (this.#left === 0) this.cut()
  }

  #pump(): void {
    while (this.#isRead && this.#receiver !== undefined && !this.#isClosed) {
      const bytes = this.#arrived.shift()
      if (bytes === undefined) break
      this.#underWayBytes -= bytes.length
      this.#isRead = this.#receiver.receive(bytes, bytes.length)
    }
    if (!this.#isLost) Machine.setImmediate(this.#waits.changed)
    if (this.#isEnding && this.#underWayBytes === 0 && !this.#isClosed) {
      this.#isEnding = false
      this.#receiver?.ended()
    }
  }

  /** The edge closes it. */
  leave(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#later("there", () => {
      this.#isEnding = true
      this.#pump()
    })
  }

  #when(ready: () => boolean): Effect.Effect<void, LinkLost> {
    return Effect.flatMap(
      this.#waits.when(() => this.#isLost || ready()),
      () => (ready() ? Effect.void : Effect.fail(new LinkLost({ address, reason: "cut" })))
    )
  }

  get link(): Link {
    return {
      name: address,
      write: (parts, sent) => {
        this.#write(Buffer.concat(parts))
        sent?.()
      },
      isDrained: () => !this.#isLost && this.#underWayBytes < bufferedBytesMax,
      drained: this.#when(() => !this.#isLost && this.#underWayBytes < bufferedBytesMax),
      whenDrained: (then) => this.#waits.once(() => this.#isLost || this.#underWayBytes < bufferedBytesMax, then),
      read: (count) =>
        Effect.map(
          this.#when(() => this.#unread.bytes() >= count),
          () => this.#unread.take(count)
        ),
      readable: this.#when(() => this.#unread.bytes() > 0),
      ended: this.#waits.when(() => this.#isLost)
    }
  }

  get peer(): Peer {
    const closed = () => {
      this.#close("closed by relay")
      this.#later("back", () => this.cut())
    }
    return {
      name: "the edge:1",
      certificate: undefined,
      landing: undefined,
      start: (receiver) => {
        this.#receiver = receiver
        this.#isRead = true
        Machine.setImmediate(() => this.#pump())
      },
      resume: () => {
        this.#isRead = true
        Machine.setImmediate(() => this.#pump())
      },
      send: (given, sent) => {
        const bytes = Buffer.from(given)
        if (!this.#isClosed)
          this.#later("back", () => {
            if (!this.#isLost) this.#unread.add(bytes)
            this.#waits.changed()
          })
        sent?.()
        return true
      },
      readAtMost: () => {},
      expect: () => {},
      close: closed,
      destroy: closed,
      whenGone: (then) => {
        if (this.#end === undefined) this.#onGone.push(then)
        else then(this.#end)
      }
    }
  }
}

export class SimulatedLink {
  readonly #random: Random
  readonly #weather: Weather
  readonly #connections = new Set<Connection>()
  /** Serves what the edge connects to; undefined: there is no relay. */
  serve: ((peer: Peer) => void) | undefined
  cutCount = 0
  /** Towards the relay. */
  passedByteCount = 0

  constructor(random: Random, weather: Weather) {
    this.#random = random
    this.#weather = weather
  }

  /** Who is gone meanwhile connects to nobody. */
  readonly dial = (isGone: () => boolean): Effect.Effect<Link, DialFailed, Scope.Scope> =>
    Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(this.#random.next() * this.#weather.latencyMillis)
      if (isGone()) return yield* Effect.never
      const { serve } = this
      if (serve === undefined) return yield* new DialFailed({ address, reason: "refused" })
      const connection: Connection = new Connection(this.#random, this.#weather, {
        onPassed: (byteCount) => {
          this.passedByteCount += byteCount
        },
        onCut: () => void this.cutCount++,
        onOver: () => void this.#connections.delete(connection)
      })
      this.#connections.add(connection)
      serve(connection.peer)
      yield* Effect.addFinalizer(() => Effect.sync(() => connection.leave()))
      return connection.link
    })

  cut(): void {
    for (const connection of [...this.#connections]) connection.cut()
  }

  /** With the relay at its end. */
  vanish(): void {
    for (const connection of [...this.#connections]) connection.vanish()
    this.#connections.clear()
  }
}
