/** One `SEND_METADATA` on its way to the stream's file (streaming.md §6.4). It never answers. */
import type { Incident } from "../../errors/Report.ts"
import type { Account } from "../../memory/Blocks.ts"
import * as SendMetadata from "../../protocol/control/SendMetadata.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import { type ControlState, streamOf } from "./Command.ts"

/** The refusal of a message, and why it is not taken. */
export const refusedMetadata = (detail: string): Incident => ({ code: "METADATA_REFUSED", detail })

export class MetadataMessage {
  readonly #state: ControlState
  readonly #account: Account
  readonly #byteCount: number
  readonly #header = Buffer.alloc(SendMetadata.headerSize)
  #headerFilled = 0
  #paddingSize = 0
  #stream: StreamActor | undefined

  constructor(state: ControlState, account: Account, byteCount: number) {
    this.#state = state
    this.#account = account
    this.#byteCount = byteCount
  }

  push(bytes: Buffer, from: number, to: number, hasSession: boolean): Incident | undefined {
    let at = from
    if (this.#headerFilled < SendMetadata.headerSize) {
      const taken = Math.min(to - at, SendMetadata.headerSize - this.#headerFilled)
      bytes.copy(this.#header, this.#headerFilled, at, at + taken)
      this.#headerFilled += taken
      at += taken
      if (this.#headerFilled < SendMetadata.headerSize) return undefined
      const complaint = this.#begin(hasSession)
      if (complaint !== undefined) return complaint
    }
    this.#stream?.appendPayload(bytes, at, to, false, this.#account)
    this.#stream?.description?.read(bytes, at, to)
    this.#stream?.metadataText?.read(bytes, at, to)
    return undefined
  }

  #begin(hasSession: boolean): Incident | undefined {
    if (!hasSession) return refusedMetadata("no session")
    const handle = this.#header.readBigUInt64BE(0)
    this.#paddingSize = this.#header.readUInt32BE(8)
    const { party, registry } = this.#state
    const stream = streamOf(this.#state, handle)
    if (stream === undefined) {
      return party.withheld(registry.streams, handle) ?? refusedMetadata(`unknown stream ${handle}`)
    }
    const tooMany = party.fill(this.#paddingSize)
    if (tooMany !== undefined) return tooMany
    if (!stream.beginMetadata()) return refusedMetadata("the stream has no file")
    this.#stream = stream
    return undefined
  }

  end(): Incident | undefined {
    const stream = this.#stream
    if (stream === undefined) return refusedMetadata("no stream")
    return stream.endMetadata(this.#byteCount, this.#paddingSize, this.#account)
      ? undefined
      : refusedMetadata("stream was closed")
  }

  /** The connection has ended inside the message: takes its part back, since files have whole messages only. */
  abandon(): void {
    this.#stream?.abandonMetadata()
  }
}
