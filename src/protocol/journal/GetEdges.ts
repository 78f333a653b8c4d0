/**
 * GET_EDGES (0x4c540002): which edges lie on the way from this edge to the relay, itself first. A command of ours
 * (docs/extension.md), sent only to a peer that said `isEdge`.
 *
 * Reply: returnCode u32, count u32, then a UUID for each.
 */
import * as ReturnCode from "../ReturnCode.ts"
import { fixed, struct, u32, uuid, viewOf } from "../Struct.ts"

export const number = 0x4c54_0002
export const name = "GET_EDGES"

/** A bit in the answer to GET_CONFIGURATION if that asks for journals: this is no relay, but an edge. */
export const isEdge = 1n << 61n

/** Most edges on the way: nobody builds longer ones. */
export const countMax = 16

const head = struct({ returnCode: u32, count: u32 })
export const headBytes = head.size
export const replyHead = fixed(head)

/** The reply; `ids` are UUIDs in the form of `Struct.uuid`. */
export const reply = (ids: ReadonlyArray<string>): Uint8Array => {
  const first = ids.slice(0, countMax)
  const bytes = new Uint8Array(headBytes + idsBytes(first.length))
  bytes.set(replyHead.encode({ returnCode: ReturnCode.OK, count: first.length }))
  const view = viewOf(bytes)
  for (const [at, id] of first.entries()) uuid.write(view, headBytes + at * uuid.size, id)
  return bytes
}

/** How many bytes of ids follow the head. */
export const idsBytes = (count: number): number => uuid.size * count

export const idsOf = (bytes: Uint8Array): ReadonlyArray<string> => {
  const view = viewOf(bytes)
  return Array.from({ length: bytes.length / uuid.size }, (_, at) => uuid.read(view, at * uuid.size))
}
