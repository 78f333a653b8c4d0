/**
 * A tracer's connection as a journal replays it: a `Peer` without a socket. Its bytes and its end come as records, so
 * it outlives the edge's connection. Answers to it are dropped: the tracer has had them from the edge.
 */
import type { Incident } from "../../errors/Report.ts"
import { queueMicrotask } from "../../Machine.ts"
import type { Carried, Peer, Receiver, SocketEnd } from "../../transport/Peer.ts"

export interface Options extends Omit<Carried, "isReplayed" | "places" | "declines" | "ends"> {
  /** The edge whose rights it has: the one that connected last. */
  readonly edge: Pick<Peer, "name" | "certificate">
  readonly places: () => Carried["places"]
  readonly onAnswer: (bytes: Uint8Array) => void
  /** Called when it takes more again. */
  readonly onReady: () => void
  /** Called when the relay ends it; `isRefused`: for what the tracer said. */
  readonly onClosed: (why: Incident | undefined, isRefused: boolean) => void
}

export class VirtualPeer implements Peer {
  readonly landing = undefined
  readonly carried: Carried
  readonly #options: Options
  #end: SocketEnd | undefined
  #onGone: Array<(end: SocketEnd) => void> = []
  #receiver: Receiver | undefined
  /** False: not started yet, or held back. */
  isReady = false
  /** The tracer closed it, or the relay did. */
  isOver = false
  #isRefused = false
  /** Why the relay has ended it. */
  why: Incident | undefined
  /** The command that the relay refused last. */
  declined: Incident | undefined

  constructor(options: Options) {
    this.#options = options
    const { begunAt, brought, journal, places, waitsFor } = options
    this.carried = {
      journal,
      brought,
      waitsFor,
      begunAt,
      declines: (why) => {
        this.declined = why
      },
      ends: (why, isRefusal) => {
        this.why = why
        this.#isRefused = isRefusal
      },
      get isReplayed() {
        return places() !== undefined
      },
      get places() {
        return places()
      }
    }
  }

  /** To be called only while it is ready. */
  give(bytes: Buffer, from: number, to: number): void {
    if (this.isOver) return
    this.isReady = false
    // The receiver may call `resume` within the call.
    const goesOn = this.#receiver?.receive(bytes.subarray(from, to), to - from) === true
    if (goesOn) this.isReady = true
  }

  /** The packet that has begun will not be whole. */
  withdraw(): void {
    if (!this.isOver) this.#receiver?.withdrawn?.()
  }

  /** It has brought a packet of the session. */
  belongsTo(sessionId: number | undefined): void {
    if (sessionId !== undefined) this.#receiver?.belongsTo?.(sessionId)
  }

  /** The tracer closed it. */
  ended(): void {
    if (this.isOver) return
    this.isOver = true
    this.#receiver?.ended()
  }

  /** It broke, at the tracer or on the way to the edge. */
  broke(): void {
    this.#over("socket error")
  }

  #over(end: SocketEnd): void {
    this.isOver = true
    this.isReady = true
    if (this.#end !== undefined) return
    this.#end = end
    for (const then of this.#onGone.splice(0)) then(end)
  }

  get name(): string {
    return this.#options.edge.name
  }

  get certificate(): Peer["certificate"] {
    return this.#options.edge.certificate
  }

  // ---- Peer ------------------------------------------------------------------------------------------------------

  start(receiver: Receiver): void {
    this.#receiver = receiver
    this.resume()
  }

  resume(): void {
    if (this.isReady) return
    this.isReady = true
    // In a turn of its own: who calls `resume` is in the middle of something.
    queueMicrotask(this.#options.onReady)
  }

  send(bytes: Uint8Array, sent?: () => void): boolean {
    this.#options.onAnswer(bytes)
    sent?.()
    return true
  }

  expect(): void {}

  readAtMost(): void {}

  close(): void {
    this.destroy()
  }

  destroy(): void {
    const wasOver = this.isOver
    this.#over("closed by relay")
    if (wasOver) return
    queueMicrotask(() => this.#options.onClosed(this.why, this.#isRefused))
  }

  whenGone(then: (end: SocketEnd) => void): void {
    if (this.#end === undefined) this.#onGone.push(then)
    else then(this.#end)
  }
}
