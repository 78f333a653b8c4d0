/**
 * Cuts what a relay answers on one control connection into replies (streaming.md §6). They have no header: the command
 * tells the shape of its reply. Plain code, no I/O.
 */
import * as AddStream from "../control/AddStream.ts"
import * as CloseTraceChunk from "../control/CloseTraceChunk.ts"
import * as CreateSession from "../control/CreateSession.ts"
import * as GetConfiguration from "../control/GetConfiguration.ts"
import * as SendMetadata from "../control/SendMetadata.ts"
import * as TraceChunkExists from "../control/TraceChunkExists.ts"
import * as Version from "../control/Version.ts"
import { features, negotiate } from "../Version.ts"

/** `bytes[from, to)` is the reply, valid during the call. */
export type OnReply = (command: number, bytes: Buffer, from: number, to: number) => void

const code = 4
const fixedSizes: ReadonlyMap<number, number> = new Map([
  [AddStream.number, 8 + code],
  [GetConfiguration.number, code + 8],
  [TraceChunkExists.number, code + 1],
  [Version.number, 8]
])

export class Replies {
  readonly #onReply: OnReply
  readonly #asked: Array<number> = []
  #first = 0
  #gathered: Buffer | undefined
  /** The connection's minor version: the lower of both sides', of which the reply to VERSION says only the relay's. */
  minor = 0

  constructor(onReply: OnReply) {
    this.#onReply = onReply
  }

  /** A command was sent, whose reply will come; `payload[from, to)` is its payload. */
  asked(command: number, payload: Buffer, from: number, to: number): void {
    if (command === SendMetadata.number) return
    if (command === Version.number && to - from >= 8) this.minor = negotiate(payload.readUInt32BE(from + 4))
    if (this.#first > 0 && this.#first === this.#asked.length) {
      this.#asked.length = 0
      this.#first = 0
    }
    this.#asked.push(command)
  }

  /** Takes bytes of replies. False: more was answered than asked. */
  push(given: Uint8Array): boolean {
    const arrived = Buffer.from(given.buffer, given.byteOffset, given.length)
    const bytes = this.#gathered === undefined ? arrived : Buffer.concat([this.#gathered, arrived])
    this.#gathered = undefined
    let at = 0
    while (at < bytes.length) {
      const command = this.#asked[this.#first]
      if (command === undefined) return false
      const size = this.#sizeOf(command, bytes, at)
      if (size === undefined || at + size > bytes.length) {
        this.#gathered = Buffer.from(bytes.subarray(at))
        return true
      }
      this.#first++
      this.#onReply(command, bytes, at, at + size)
      at += size
    }
    return true
  }

  /** Bytes of the reply at `at`; undefined: too little of it is there to tell. */
  #sizeOf(command: number, bytes: Buffer, at: number): number | undefined {
    if (command === CreateSession.number && features(this.minor).dynamicLayouts) {
      return at + 16 > bytes.length ? undefined : 16 + bytes.readUInt32BE(at + 12)
    }
    if (command === CreateSession.number) return 8 + code
    if (command === CloseTraceChunk.number) {
      return at + 8 > bytes.length ? undefined : 8 + bytes.readUInt32BE(at + 4)
    }
    return fixedSizes.get(command) ?? code
  }
}
