/** A packet is fetched in slices, so that a large one does not occupy the relay in one go. */
import { Effect } from "effect"
import { Status } from "../protocol/live/GetPacket.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import type { ViewerConnection } from "./ViewerConnection.ts"

const sliceBytes = 1024 * 1024

/** What the relay answered in place of a slice. */
export interface Refusal {
  readonly flags: number
  readonly status: number
}

/** Fetches `byteCount` bytes of the stream's file from `offset` on. */
export const fetched = (
  connection: Pick<ViewerConnection, "packet">,
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
      at += data.length
    }
    return slices.length === 1 ? (slices[0] as Uint8Array) : Buffer.concat(slices)
  })
