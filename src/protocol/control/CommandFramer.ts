/**
 * Cuts the bytes of a control connection into commands (streaming.md §1.1, §1.2).
 *
 * Plain code, no I/O. The sink says per header how much of the payload it wants; the rest is skipped, so no peer can
 * make the framer hold more than the sink asked for. A payload that lies whole in one read is lent as it is; only one
 * that is cut is gathered. `push` stops after a command if the sink can take no more, and answers where.
 */
import { size as headerBytes, offsets, payloadBytesMax } from "../Header.ts"
import { u64At } from "../Struct.ts"

export interface CommandSink {
  /**
   * A header arrived. The answer is how many leading payload bytes to gather before `command`; or `flow`, to get the
   * payload in ranges; or `refuse`, to end the connection.
   */
  readonly header: (command: number, dataSize: number) => number
  /** A command and `payload[from, to)`, valid during the call. False: take no more until `push` is called again. */
  readonly command: (command: number, payload: Buffer, from: number, to: number) => boolean
  readonly flow: (bytes: Buffer, from: number, to: number) => void
  readonly flowEnd: () => void
}

export const flow = -1
export const refuse = -2

export class CommandFramer {
  readonly #sink: CommandSink
  readonly #header = Buffer.alloc(headerBytes)
  #headerFilled = 0
  #command = 0
  #isInPayload = false
  #isFlowing = false
  #wanted = 0
  #remaining = 0
  #gathered: Buffer | undefined
  #gatheredFilled = 0
  #isPaused = false
  isDead = false

  constructor(sink: CommandSink) {
    this.#sink = sink
  }

  /** Takes `bytes[at, length)`; answers the position it stopped at: `length`, or behind a command. */
  push(bytes: Buffer, at: number, length: number): number {
    let position = at
    this.#isPaused = false
    // A command without payload is complete with its header, even at the end of the bytes.
    while (!this.isDead && !this.#isPaused && (position < length || (this.#isInPayload && this.#remaining === 0))) {
      if (!this.#isInPayload) position = this.#takeHeader(bytes, position, length)
      else if (this.#isFlowing) position = this.#takeFlow(bytes, position, length)
      else position = this.#takePayload(bytes, position, length)
    }
    return position
  }

  #takeHeader(bytes: Buffer, at: number, length: number): number {
    if (this.#headerFilled === 0 && length - at >= headerBytes) {
      this.#begin(bytes, at)
      return at + headerBytes
    }
    const taken = Math.min(length - at, headerBytes - this.#headerFilled)
    bytes.copy(this.#header, this.#headerFilled, at, at + taken)
    this.#headerFilled += taken
    if (this.#headerFilled === headerBytes) {
      this.#headerFilled = 0
      this.#begin(this.#header, 0)
    }
    return at + taken
  }

  #begin(bytes: Buffer, at: number): void {
    const dataSize = u64At(bytes, at + offsets.dataSize)
    this.#command = bytes.readUInt32BE(at + offsets.command)
    const wanted = dataSize > payloadBytesMax ? refuse : this.#sink.header(this.#command, dataSize)
    if (wanted === refuse) {
      this.isDead = true
      return
    }
    this.#isInPayload = true
    this.#isFlowing = wanted === flow
    this.#wanted = Math.min(wanted, dataSize)
    this.#remaining = dataSize
  }

  #takeFlow(bytes: Buffer, at: number, length: number): number {
    const to = Math.min(length, at + this.#remaining)
    if (to > at) this.#sink.flow(bytes, at, to)
    this.#remaining -= to - at
    if (this.#remaining === 0) {
      this.#isInPayload = false
      this.#sink.flowEnd()
    }
    return to
  }

  #takePayload(bytes: Buffer, at: number, length: number): number {
    if (this.#gathered === undefined && length - at >= this.#remaining) {
      const end = at + this.#remaining
      return this.#finish(bytes, at, at + this.#wanted, end)
    }
    this.#gathered ??= Buffer.allocUnsafe(this.#wanted)
    const to = Math.min(length, at + this.#remaining)
    const kept = Math.min(to - at, this.#wanted - this.#gatheredFilled)
    bytes.copy(this.#gathered, this.#gatheredFilled, at, at + kept)
    this.#gatheredFilled += kept
    this.#remaining -= to - at
    return this.#remaining > 0 ? to : this.#finish(this.#gathered, 0, this.#gatheredFilled, to)
  }

  #finish(payload: Buffer, from: number, to: number, position: number): number {
    this.#isInPayload = false
    this.#remaining = 0
    this.#gathered = undefined
    this.#gatheredFilled = 0
    this.#isPaused = !this.#sink.command(this.#command, payload, from, to)
    return position
  }
}
