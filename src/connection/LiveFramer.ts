/**
 * Cuts the bytes of a viewer connection into requests (live.md §1). The command number decides how long a request is:
 * the size in its header is not to be trusted. Plain code, no I/O; the longest request is gathered at most.
 *
 * The sink is lent each request during the call. When it returns false, `push` stops and answers where.
 */
import { commands } from "../protocol/live/index.ts"
import * as RequestHeader from "../protocol/live/RequestHeader.ts"

export interface RequestSink {
  /** The payload of `command` starts at `bytes[at]`. False: take no more until `push` is called again. */
  readonly request: (command: number, bytes: Buffer, at: number) => boolean
}

const payloadSizes: ReadonlyMap<number, number> = new Map(
  Array.from(commands.values(), ({ number, requestSize }) => [number, requestSize])
)
const requestBytesMax = RequestHeader.size + Math.max(...payloadSizes.values())

export class LiveFramer {
  readonly #sink: RequestSink
  readonly #gathered = Buffer.alloc(requestBytesMax)
  #filled = 0

  constructor(sink: RequestSink) {
    this.#sink = sink
  }

  /** A part of a request has come, and its rest has not. */
  get isInsideRequest(): boolean {
    return this.#filled > 0
  }

  /** Takes `bytes[at, length)`; answers the position it stopped at. */
  push(bytes: Buffer, at: number, length: number): number {
    let position = at
    let goesOn = true
    while (goesOn && position < length) {
      if (this.#filled === 0) {
        const size = sizeOf(bytes, position, length - position)
        if (size <= length - position) {
          goesOn = this.#deliver(bytes, position)
          position += size
          continue
        }
      }
      // A request cut by the end of a read: its header first, which says how much follows.
      const wanted = sizeOf(this.#gathered, 0, this.#filled)
      const taken = Math.min(wanted - this.#filled, length - position)
      bytes.copy(this.#gathered, this.#filled, position, position + taken)
      this.#filled += taken
      position += taken
      if (this.#filled === sizeOf(this.#gathered, 0, this.#filled)) {
        this.#filled = 0
        goesOn = this.#deliver(this.#gathered, 0)
      }
    }
    return position
  }

  #deliver(bytes: Buffer, at: number): boolean {
    return this.#sink.request(bytes.readUInt32BE(at + RequestHeader.offsets.command), bytes, at + RequestHeader.size)
  }
}

/** Bytes of the request at `at`, as far as `available` bytes of it tell. An unknown command is its header alone. */
const sizeOf = (bytes: Buffer, at: number, available: number): number => {
  if (available < RequestHeader.size) return RequestHeader.size
  const command = bytes.readUInt32BE(at + RequestHeader.offsets.command)
  return RequestHeader.size + (payloadSizes.get(command) ?? 0)
}
