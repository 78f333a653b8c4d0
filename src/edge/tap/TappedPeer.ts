/**
 * A tracer's connection as the relay here sees it. What the tracer says is first heard for the journal; the connection
 * is read only while the spool has room.
 */
import { setTimeout } from "../../Machine.ts"
import type { Peer, Receiver, SocketEnd } from "../../transport/Peer.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { restMillis } from "./Crowd.ts"

export abstract class TappedPeer implements Peer, Receiver {
  protected readonly peer: Peer
  protected readonly spool: Spool
  #receiver: Receiver | undefined
  /** It is not read until the spool has room. */
  #isHeld = false
  /** The relay wants no more until it says so. */
  #isPaused = false
  #isResting = false
  #isOver = false

  constructor(peer: Peer, spool: Spool) {
    this.peer = peer
    this.spool = spool
  }

  /** Hears the bytes, which are lent, before the relay does. */
  protected abstract hear(bytes: Buffer, length: number): void
  /** The journal that takes room for what is read. */
  protected abstract get owner(): Journal | undefined
  /** Whether there is room for more. */
  protected abstract get mayTake(): boolean
  /** It is read after a moment, not now (`Crowd`). */
  protected get rests(): boolean {
    return false
  }
  protected abstract left(isBroken: boolean): void
  /** It stops being read for want of room, or is read again. */
  protected held(_isHeld: boolean): void {}
  abstract send(bytes: Uint8Array, sent?: () => void): boolean

  // ---- Peer, for the relay ---------------------------------------------------------------------------------------

  get name(): string {
    return this.peer.name
  }

  get certificate(): Peer["certificate"] {
    return this.peer.certificate
  }

  get landing(): Peer["landing"] {
    return this.peer.landing
  }

  whenGone(then: (end: SocketEnd) => void): void {
    this.peer.whenGone(then)
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver
    this.peer.start(this)
  }

  resume(): void {
    this.#isPaused = false
    this.#goOn()
  }

  expect(isOwing: boolean): void {
    this.peer.expect(isOwing)
  }

  readAtMost(byteCount: number): void {
    this.peer.readAtMost(byteCount)
  }

  close(): void {
    this.#over(true)
    this.peer.close()
  }

  destroy(): void {
    this.#over(true)
    this.peer.destroy()
  }

  #over(isBroken: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.left(isBroken)
  }

  // ---- Receiver, of the socket -----------------------------------------------------------------------------------

  receive(bytes: Buffer, length: number): boolean {
    if (!this.#isOver) this.hear(bytes, length)
    const goesOn = this.#receiver?.receive(bytes, length) === true
    if (!goesOn) this.#isPaused = true
    return this.#mayRead() && goesOn && !this.#isRested()
  }

  /** It is read again after a moment. */
  #isRested(): boolean {
    if (!this.rests) return false
    this.#isResting = true
    setTimeout(this.#onRested, restMillis)
    return true
  }

  readonly #onRested = (): void => {
    this.#isResting = false
    this.#goOn()
  }

  #goOn(): void {
    if (!this.#isOver && !this.#isHeld && !this.#isPaused && !this.#isResting) this.peer.resume()
  }

  #mayRead(): boolean {
    if (this.#isHeld) return false
    if (this.mayTake) return true
    this.#isHeld = true
    this.held(true)
    this.spool.holding.whenRoom(this.#onRoom)
    this.spool.overflow(this.owner)
    return false
  }

  readonly #onRoom = (): void => {
    this.#isHeld = false
    this.held(false)
    if (!this.#isOver && this.#mayRead()) this.#goOn()
  }

  ended(): void {
    this.#over(false)
    this.#receiver?.ended()
  }

  drained(): void {
    this.#receiver?.drained()
  }
}
