/**
 * A slow network between two programs on this machine: a proxy with the rate, the round-trip time and the outages of a
 * link, for tests and benchmarks of relays without root.
 *
 *     const link = yield* Link.make({ bytesPerSecond: 2.5e6, rttMillis: 100 })
 *     const control = yield* link.listen(relay.addresses.control)   // connect to 127.0.0.1, port `control`
 *
 * All connections through one link share its rate, in each direction. What the kernel would do on a real one is done
 * alike: a queue of 100 ms in front of it, a window of 4 MiB a connection, and in an outage tries after 200, 600,
 * 1,400 ms … . What it does not do: losses of single packets, slow start. Moments are true to about a millisecond.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import { clearTimeout, clockMillis, setImmediate, setTimeout } from "../Machine.ts"
import { Line, type LineOptions } from "./Line.ts"

/** The conditions of a link. What is absent is unlimited, or none. */
export interface Options {
  /** In each direction, for all connections together; headers of TCP, IP and Ethernet are counted, as by a real one. */
  readonly bytesPerSecond?: number
  /** Round-trip time, half of it in each direction. */
  readonly rttMillis?: number
  /** The round trip takes up to this much more or less, half of it in each direction. Nothing is overtaken. */
  readonly jitterMillis?: number
  /** What is carried arrives in pieces of at most this many bytes, each in a write of its own. */
  readonly segmentBytes?: number
}

/** Where a port of the link leads to, as `relay.addresses` says it. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The link, while its scope is open. */
export interface Link {
  /** Opens a port on 127.0.0.1 whose connections lead to `address`, and answers its number. */
  readonly listen: (address: Address) => Effect.Effect<number, never, Scope.Scope>
  /** From now on these are its conditions, and no others. What is under way arrives as it would have. */
  readonly change: (options: Options) => void
  /** The link is gone: nothing is carried, and nobody is told. What is sent is kept by its sender. */
  readonly down: () => void
  /** It is back: each connection goes on with its next try. */
  readonly up: () => void
  /** Nothing more is carried on the connections there are, for ever: both ends are half-open. */
  readonly freeze: () => void
  /** Ends the connections there are with a reset, on both sides. */
  readonly reset: () => void
  /** Ends the direction towards the address of all connections there are, as if the diallers had closed their side. */
  readonly halfClose: () => void
  /** Bytes that have arrived, in both directions. */
  readonly byteCount: () => number
}

/** A connection through the link: dialled by somebody, carried to the address. */
class Crossing {
  /** The server that accepted it. */
  readonly port: Server
  readonly #near: Socket
  readonly #far: Socket
  readonly #there: Way
  readonly #back: Way

  constructor(port: Server, near: Socket, far: Socket, link: State) {
    this.port = port
    this.#near = near
    this.#far = far
    this.#there = new Way(near, far, link.there, link)
    this.#back = new Way(far, near, link.back, link)
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on("error", () => this.reset())
      socket.on("close", () => {
        if (near.destroyed && far.destroyed) link.crossings.delete(this)
      })
    }
  }

  freeze(): void {
    this.#there.stop()
    this.#back.stop()
  }

  halfClose(): void {
    this.#there.finish()
  }

  goOn(): void {
    this.#there.goOn()
    this.#back.goOn()
  }

  reset(): void {
    if (this.#there.isStopped) return
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
  }

  destroy(): void {
    this.#near.destroy()
    this.#far.destroy()
  }
}

/** At most this much of one direction is under way: half of a window of 4 MiB, since nobody waits for answers here. */
const underWayBytesMax = 2 * 1024 * 1024
/** Most bytes that are read at a time: few on a slow link, so that connections take turns in front of it. */
const pieceBytesMax = 16 * 1024
const pieceBytesMaxFast = 256 * 1024
/** The first try of TCP after a loss; each later one waits twice as long. */
const retryMillisMin = 200
const retryMillisMax = 120_000

/** Timers count whole milliseconds and are late rather than early: what is a little below a half is rounded up too. */
const unevenMillis = 0.1

interface Piece {
  /** Undefined: the end. */
  readonly bytes: Buffer | undefined
  readonly arrivesAt: number
}

/** One direction of one connection. */
class Way {
  readonly #from: Socket
  readonly #to: Socket
  readonly #line: Line
  readonly #link: State
  readonly #underWay: Array<Piece> = []
  #underWayBytes = 0
  #arrivesAt = 0
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMillis = retryMillisMin
  #isQueued = false
  #isFinished = false
  isStopped = false

  constructor(from: Socket, to: Socket, line: Line, link: State) {
    this.#from = from
    this.#to = to
    this.#line = line
    this.#link = link
    from.on("readable", () => this.goOn())
    from.on("end", () => this.finish())
    from.on("close", () => {
      if (!from.readableEnded && !this.isStopped) to.destroy()
      clearTimeout(this.#retry)
    })
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#retry)
  }

  /** Sends the end after everything that was sent; what comes later is dropped. */
  finish(): void {
    if (this.#isFinished || this.isStopped) return
    this.#isFinished = true
    this.#send(undefined)
    this.#from.resume()
  }

  /** Sends what may be sent now: on a slow line in turns with the other connections. */
  goOn(): void {
    if (this.#link.isDown) this.#tryLater()
    else if (this.#line.isSlow) this.#queue()
    else while (this.#hasMore()) this.#read()
  }

  #queue(): void {
    if (this.#isQueued || !this.#hasMore()) return
    this.#isQueued = true
    this.#line.queue(() => {
      this.#isQueued = false
      if (this.#link.isDown) return this.#tryLater()
      if (this.#hasMore()) this.#read()
      this.#queue()
    })
  }

  #hasMore(): boolean {
    if (this.#isFinished || this.isStopped || this.#retry !== undefined) return false
    // Makes the stream say that it has ended, if it has.
    if (this.#from.readableLength === 0) this.#from.read(0)
    return this.#from.readableLength > 0 && this.#underWayBytes < underWayBytesMax
  }

  #read(): void {
    const { segmentBytes = Number.POSITIVE_INFINITY } = this.#link.options
    const most = Math.min(segmentBytes, this.#line.isSlow ? pieceBytesMax : pieceBytesMaxFast)
    const length = this.#from.readableLength
    const bytes: Buffer | null = this.#from.read(length > most ? most : undefined)
    if (bytes !== null) this.#send(bytes)
    this.#retryMillis = retryMillisMin
  }

  #tryLater(): void {
    if (!this.#hasMore()) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.goOn()
    }, this.#retryMillis)
    this.#retryMillis = Math.min(2 * this.#retryMillis, retryMillisMax)
  }

  #send(bytes: Buffer | undefined): void {
    const arrivesAt = Math.max(this.#arrivesAt, this.#line.send(bytes?.length ?? 0, clockMillis()))
    this.#arrivesAt = arrivesAt
    this.#underWayBytes += bytes?.length ?? 0
    this.#underWay.push({ bytes, arrivesAt })
    if (this.#underWay.length === 1) this.#deliverLater()
  }

  #deliverLater(): void {
    const [next] = this.#underWay
    if (next === undefined || this.isStopped) return
    const millis = Math.round(next.arrivesAt - clockMillis() + unevenMillis)
    const { segmentBytes } = this.#link.options
    if (millis >= 1) this.#timer = setTimeout(() => this.#deliver(), millis)
    else if (segmentBytes !== undefined) setImmediate(() => this.#deliver())
    else this.#deliver()
  }

  #deliver(): void {
    const next = this.#underWay[0]
    if (next === undefined || this.isStopped) return
    const { bytes } = next
    if (bytes === undefined) return void this.#to.end()
    this.#to.write(bytes, () => {
      this.#underWayBytes -= bytes.length
      this.#link.byteCount += bytes.length
      this.goOn()
    })
    this.#underWay.shift()
    this.#deliverLater()
  }
}

interface State {
  options: Options
  readonly there: Line
  readonly back: Line
  readonly crossings: Set<Crossing>
  isDown: boolean
  byteCount: number
}

const lineOf = (options: Options): LineOptions => ({
  bytesPerSecond: options.bytesPerSecond,
  delayMillis: (options.rttMillis ?? 0) / 2,
  jitterMillis: (options.jitterMillis ?? 0) / 2
})

/** Without this a link would carry nothing, again and again, and its process would do nothing else. */
const check = ({ segmentBytes = 1 }: Options): void => {
  if (!(segmentBytes >= 1)) throw new RangeError(`segmentBytes must be at least 1, not ${segmentBytes}`)
}

const stateOf = (options: Options): State => {
  check(options)
  const [there, back] = [new Line(lineOf(options)), new Line(lineOf(options))]
  return { options, there, back, crossings: new Set(), isDown: false, byteCount: 0 }
}

/** Dials on after a round trip, since nothing of a dialler arrives earlier. */
const accept = (state: State, { host, port }: Address, server: Server, near: Socket) => {
  near.on("error", () => {})
  setTimeout(() => {
    if (near.destroyed) return
    state.crossings.add(new Crossing(server, near, connect({ host, port, allowHalfOpen: true }), state))
  }, state.options.rttMillis ?? 0)
}

const open = async (state: State, address: Address) => {
  const accepted = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    accepted.add(near)
    near.on("close", () => accepted.delete(near))
    accept(state, address, server, near)
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const close = async () => {
    const closed = once(server.close(), "close")
    for (const crossing of state.crossings) if (crossing.port === server) crossing.destroy()
    for (const near of accepted) near.destroy()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, close }
}

const listen = (state: State, address: Address) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => open(state, address)),
      ({ close }) => Effect.promise(close)
    ),
    ({ port }) => port
  )

/** A link of its own, with nothing on it yet. */
export const make = (options: Options = {}): Effect.Effect<Link> =>
  Effect.sync(() => {
    const state = stateOf(options)
    const each = (act: (crossing: Crossing) => void) => () => {
      for (const crossing of [...state.crossings]) act(crossing)
    }
    return {
      listen: (address) => listen(state, address),
      change: (changed) => {
        check(changed)
        state.options = changed
        for (const line of [state.there, state.back]) line.change(lineOf(changed))
      },
      down: () => {
        state.isDown = true
      },
      up: () => {
        state.isDown = false
      },
      freeze: each((crossing) => crossing.freeze()),
      reset: each((crossing) => crossing.reset()),
      halfClose: each((crossing) => crossing.halfClose()),
      byteCount: () => state.byteCount
    }
  })
