/**
 * GET_EDGES (0x4c540002): which edges are on the way of what this one takes, itself first. A command of ours
 * (docs/extension.md), sent only to who said `isEdge`.
 *
 * Reply: returnCode u32, count u32, then a UUID for each.
 */
import { fixed, struct, u32 } from "../Struct.ts"

export const number = 0x4c54_0002
export const name = "GET_EDGES"

/** In the answer to GET_CONFIGURATION that asks for journals: this is no relay, but an edge. */
export const isEdge = 1n << 61n

/** A longer way is none that anybody built. */
export const countMax = 16
const idBytes = 16

const head = struct({ returnCode: u32, count: u32 })
export const headBytes = head.size
export const replyHead = fixed(head)

/** `ids`: UUIDs. */
export const reply = (returnCode: number, ids: ReadonlyArray<string>): Uint8Array => {
  const first = ids.slice(0, countMax)
  const known = first.map((id) => Buffer.from(id.replaceAll("-", ""), "hex"))
  return Buffer.concat([replyHead.encode({ returnCode, count: first.length }), ...known])
}

/** What follows the head is so long. */
export const idsBytes = (count: number): number => idBytes * Math.min(count, countMax)

export const idsOf = (bytes: Uint8Array): ReadonlyArray<string> =>
  Array.from({ length: bytes.length / idBytes }, (_, at) =>
    Buffer.from(bytes.subarray(at * idBytes, (at + 1) * idBytes))
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
  )
