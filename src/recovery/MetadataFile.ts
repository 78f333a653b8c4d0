/** A trace's metadata: what it declares, or how far it is whole. Pure. */
import * as Result from "effect/Result"
import { GrowingMetadata, parse } from "../ctf/metadata/GrowingMetadata.ts"
import { missingBytes, packets } from "../ctf/metadata/Text.ts"
import { Splitter } from "../ctf/metadata/tsdl/Splitter.ts"
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import { headBytes, magic, offsets } from "../protocol/MetadataPacket.ts"
import * as Aside from "./Aside.ts"
import { type Finding, finding } from "./Finding.ts"

export interface Metadata {
  readonly traceClass: TraceClass | undefined
  readonly findings: ReadonlyArray<Finding>
}

/** No tracer writes larger packets of metadata. */
const packetBytesMax = 16 * 1024 * 1024
const separator = 0x1e

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")

/** Bytes of text up to the end of the last declaration that is complete; each character is one. */
const wholeLength = (text: string): number => {
  if (text.charCodeAt(0) !== separator) return new Splitter().append(text)?.text.length ?? 0
  const fragment = text.lastIndexOf(String.fromCharCode(separator))
  try {
    JSON.parse(text.slice(fragment + 1))
    return text.length
  } catch {
    return Math.max(0, fragment)
  }
}

/** The packet `whole` with only its first `contentBytes` bytes, head included, as content; zeros follow. */
const shortened = (whole: Uint8Array, contentBytes: number): Uint8Array => {
  const bytes = new Uint8Array(whole)
  bytes.fill(0, contentBytes)
  const view = new DataView(bytes.buffer)
  const isLittle = view.getUint32(0, true) === magic
  view.setUint32(offsets.contentBits, contentBytes * 8, isLittle)
  return bytes
}

/** The bytes, and zeros for what is missing of the last packet, if its head is there: its text may be complete. */
const padded = (bytes: Uint8Array): Uint8Array => {
  const { rest } = packets(bytes)
  const missing = missingBytes(rest)
  return missing === undefined || missing > packetBytesMax ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)])
}

/** The metadata up to the last declaration that is complete, as text or in packets, as it is. */
const whole = (torn: Uint8Array): Uint8Array => {
  const bytes = padded(torn)
  const found = packets(bytes).packets
  if (found.length === 0) return bytes.subarray(0, wholeLength(latin1(bytes)))
  let left = wholeLength(found.map(({ content }) => latin1(content.subarray(headBytes))).join(""))
  const parts: Array<Uint8Array> = []
  for (const { content, whole } of found) {
    const textBytes = content.length - headBytes
    if (left >= textBytes) parts.push(whole)
    else if (left > 0) parts.push(shortened(whole, headBytes + left))
    left = Math.max(0, left - textBytes)
  }
  return Buffer.concat(parts)
}

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

/** Whether the end is missing, or is nothing that a tracer wrote: bytes after the last whole declaration or packet. */
const isTorn = (bytes: Uint8Array, kept: Uint8Array): boolean => {
  const split = packets(bytes)
  if (missingBytes(split.rest) !== undefined) return true
  if (split.packets.length > 0) return split.rest.length > 0 || Buffer.compare(kept, bytes) !== 0
  return !bytes.subarray(kept.length).every(isSpace)
}

/** Metadata that cannot be read. It keeps babeltrace2 from reading the traces beside it, and so may go `aside`. */
const refused = (
  path: string,
  code: "metadata-empty" | "metadata-refused",
  reason: string,
  isAside: boolean
): Metadata => {
  const changes = isAside ? [{ kind: "rename", path, to: Aside.pathOf(path) } as const] : []
  return { traceClass: undefined, findings: [finding("damage", code, path, reason, { changes })] }
}

const hasStreams = (traceClass: TraceClass | undefined): boolean => (traceClass?.dataStreams.size ?? 0) > 0

/** Whether it is in order as far as it goes, but was cut between two declarations, before the first stream's. */
const isBeginning = (bytes: Uint8Array): boolean => {
  const known = new GrowingMetadata().append(bytes)
  return Result.isSuccess(known) && !hasStreams(known.success)
}

/** Checks metadata. `hasData`: there are packets beside it; without them it harms nobody to declare no stream. */
export const check = (path: string, bytes: Uint8Array, hasData: boolean): Metadata => {
  if (bytes.length === 0) return refused(path, "metadata-empty", "nothing in it", true)
  const parsed = parse(bytes)
  const split = packets(bytes)
  const isCut = missingBytes(split.rest) !== undefined
  // It is text, or whole packets, of whose padding nothing is missing, either.
  const isWhole = split.rest.length === 0 || (split.packets.length === 0 && !isCut)
  if (Result.isSuccess(parsed) && isWhole) {
    if (hasData && !hasStreams(parsed.success)) {
      return refused(path, "metadata-refused", "it ends before any stream is declared", true)
    }
    return { traceClass: parsed.success, findings: [] }
  }
  const kept = whole(bytes)
  const behind = isCut ? "a metadata packet cut short" : `${split.rest.length} bytes behind the last packet`
  const reason = Result.isFailure(parsed) ? parsed.failure.message : behind
  if (!isTorn(bytes, kept)) return refused(path, "metadata-refused", reason, isBeginning(bytes))
  const again = kept.length === 0 ? undefined : parse(kept)
  if (again === undefined || Result.isFailure(again) || !hasStreams(again.success)) {
    return refused(path, "metadata-refused", reason, true)
  }
  const changes = [{ kind: "write", path, bytes: kept } as const]
  const torn = finding("damage", "metadata-torn", path, reason, { offset: kept.length, changes })
  return { traceClass: again.success, findings: [torn] }
}
