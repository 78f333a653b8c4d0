/**
 * Fetches packets: in slices, so that a large one does not occupy the relay in one go, and again if the relay wants to
 * be asked something else before.
 */
import { Effect } from "effect"
import * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import { Status } from "../protocol/live/GetPacket.ts"
import { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
import type { ViewerConnection } from "./ViewerConnection.ts"
import type { PacketIndex } from "./ViewerMerge.ts"

const sliceBytes = 1024 * 1024
/** So many pieces of a packet are joined: those of one byte each would cost much more than their bytes. */
const piecesMax = 1024

/** A packet is in memory while it is shown. Sub-buffers, whose size it has at most, are some MiB. */
export const packetBytesMax = 1024 * 1024 * 1024

/** "Fetch metadata, then ask again": how often before the packet counts as lost. */
const attemptsMax = 20

type Connection = Pick<ViewerConnection, "packet">

/** What the relay answered in place of a slice. */
export interface Refusal {
  readonly flags: number
  readonly status: number
}

/** Fetches `byteCount` bytes of the stream's file from `offset` on. */
export const fetched = (
  connection: Connection,
  streamId: bigint,
  offset: bigint,
  byteCount: number
): Effect.Effect<Uint8Array | Refusal, ExchangeFailed> =>
  Effect.gen(function* () {
    const slices: Array<Uint8Array> = []
    for (let at = 0; at < byteCount; ) {
      const len = Math.min(sliceBytes, byteCount - at)
      const { data, flags, status } = yield* connection.packet(streamId, offset + BigInt(at), len)
      if (status !== Status.ok || data.length === 0) return { flags, status }
      slices.push(data)
      if (slices.length === piecesMax) slices.push(Buffer.concat(slices.splice(0)))
      at += data.length
    }
    return slices.length === 1 ? (slices[0] as Uint8Array) : Buffer.concat(slices)
  })

export class PacketSlices {
  readonly #connection: Connection
  readonly #withPadding: boolean
  /** How often the relay has put off the packet that is asked for. */
  #attempts = 0

  constructor(connection: Connection, withPadding: boolean) {
    this.#connection = connection
    this.#withPadding = withPadding
  }

  /** The packet; or, by relays before 2.6.2, what is to be fetched before the packet is asked for once more. */
  fetch(
    streamId: bigint,
    { contentSize, offset, packetSize }: PacketIndex
  ): Effect.Effect<Uint8Array | "lost" | Refusal, ExchangeFailed> {
    const wanted = Math.ceil(Number(this.#withPadding ? packetSize : contentSize) / 8)
    if (wanted > packetBytesMax) {
      const reason = `announces a packet of ${wanted} bytes`
      return Effect.fail(new ReplyMalformed({ command: GetNextIndex.name, reason }))
    }
    return Effect.map(fetched(this.#connection, streamId, offset, wanted), (answer) => {
      if (!(answer instanceof Uint8Array)) {
        const isLater = answer.flags !== 0 || answer.status === Status.retry
        if (isLater && ++this.#attempts < attemptsMax) return answer
      }
      this.#attempts = 0
      return answer instanceof Uint8Array ? answer : "lost"
    })
  }
}
