/**
 * What decrypted reads need that plain ones do not: full records are joined, and bytes that come unasked are kept.
 * `ReceiveInto` puts both classes between the TLS handle and the receiver.
 */
import { queueMicrotask, setImmediate } from "../../Machine.ts"
import type { Landing } from "../../memory/Landing.ts"
import type { Receive } from "../Peer.ts"

/** The most that one TLS record carries. */
const recordBytes = 16 * 1024

/**
 * Joins the full TLS records of one turn of the loop, so that the receiver gets them in one call: a packet of a
 * megabyte would otherwise cost a call and a write per 16 KiB. Records are joined only in a slab (`memory/Landing`).
 * One that is shorter than a full record is received at once: it ends a message, and somebody may wait for the answer.
 *
 * The runtime asks where the next read shall land as soon as one read is over. So at the end of a turn the place of the
 * next record is fixed already: behind the bytes that are received now. The slab is kept until that record has come,
 * which is then moved to the front of the next memory.
 */
export class GatheredRecords {
  readonly #landing: Landing
  readonly #receive: Receive
  readonly #pause: () => void
  #isAwaited = false
  /** Bytes before this offset were received already. */
  #from = 0
  /** Offset where the next read lands. */
  to = 0

  constructor(landing: Landing, receive: Receive, pause: () => void) {
    this.#landing = landing
    this.#receive = receive
    this.#pause = pause
  }

  readonly add = (length: number): boolean => {
    if (this.#from > 0) this.#moveToFront(length)
    else this.to += length
    const { bytes, isOwn } = this.#landing
    if (!isOwn || length < recordBytes || this.to + recordBytes > bytes.length) {
      const goesOn = this.#receive(bytes, this.to)
      this.to = 0
      this.#landing.received()
      return goesOn
    }
    if (!this.#isAwaited) {
      this.#isAwaited = true
      setImmediate(this.#onTurn)
    }
    return true
  }

  readonly #onTurn = (): void => {
    this.#isAwaited = false
    this.give()
  }

  readonly give = (): void => {
    if (this.to === this.#from) return
    this.#from = this.to
    if (!this.#receive(this.#landing.bytes, this.to)) this.#pause()
  }

  #moveToFront(length: number): void {
    const { bytes } = this.#landing
    this.#landing.received()
    bytes.copy(this.#landing.bytes, 0, this.#from, this.#from + length)
    this.#from = 0
    this.to = length
  }
}

/**
 * Keeps decrypted bytes that nobody wants yet. A TLS handle that was told to stop still delivers what it has decrypted,
 * and the end behind it; these, and bytes from before the first `resume`, wait here until the receiver resumes.
 */
export class KeptBytes {
  readonly #receive: Receive
  readonly #readOn: () => void
  readonly #pieces: Array<Buffer>
  #isStopped = true
  #isDue = false
  #hasEnded = false
  #then: (() => void) | undefined

  constructor(receive: Receive, readOn: () => void, first: Buffer | undefined) {
    this.#receive = receive
    this.#readOn = readOn
    this.#pieces = first === undefined ? [] : [first]
  }

  readonly receive: Receive = (bytes, length) => {
    if (!this.#isStopped && this.#pieces.length === 0) return this.#give(bytes, length)
    this.#pieces.push(Buffer.from(bytes.subarray(0, length)))
    return false
  }

  readonly resume = (): void => {
    this.#isStopped = false
    if (this.#pieces.length === 0) this.#readOn()
    else if (!this.#isDue) {
      this.#isDue = true
      // In a call of its own, as for all reads.
      queueMicrotask(this.#goOn)
    }
  }

  readonly stop = (): void => {
    this.#isStopped = true
  }

  readonly end = (): void => {
    this.#hasEnded = true
    this.#tellEnd()
  }

  readonly whenEnded = (then: () => void): void => {
    this.#then = then
  }

  #give(bytes: Buffer, length: number): boolean {
    this.#isStopped = !this.#receive(bytes, length)
    return !this.#isStopped
  }

  readonly #goOn = (): void => {
    this.#isDue = false
    while (!this.#isStopped) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      this.#give(piece, piece.length)
    }
    if (!this.#isStopped) this.#readOn()
    this.#tellEnd()
  }

  #tellEnd(): void {
    if (!this.#hasEnded || this.#pieces.length > 0) return
    this.#hasEnded = false
    this.#then?.()
  }
}
