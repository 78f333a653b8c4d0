/** Turns metadata's bytes, in pieces as they come, into text: unpacks packets (§2.2), and joins UTF-8 that was cut. */
import { headBytes, magic, offsets } from "../../protocol/MetadataPacket.ts"
import * as RawText from "../model/RawText.ts"
import { MetadataRefused } from "./MetadataRefused.ts"

export interface MetadataPacket {
  /** The packet without its padding, but with its head. */
  readonly content: Uint8Array
  readonly whole: Uint8Array
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The byte order of the metadata packet that begins at `at`, its tracer's own; undefined if none begins there. */
const isLittleEndian = (view: DataView, at: number): boolean | undefined => {
  if (view.byteLength - at < 4) return undefined
  if (view.getUint32(at, true) === magic) return true
  return view.getUint32(at, false) === magic ? false : undefined
}

interface Sizes {
  readonly contentBytes: number
  readonly packetBytes: number
}

const sizesAt = (view: DataView, at: number): Sizes | undefined => {
  const order = isLittleEndian(view, at)
  if (order === undefined || view.byteLength - at < headBytes) return undefined
  return {
    contentBytes: view.getUint32(at + offsets.contentBits, order) / 8,
    packetBytes: view.getUint32(at + offsets.packetBits, order) / 8
  }
}

const isSound = ({ contentBytes, packetBytes }: Sizes): boolean =>
  Number.isInteger(contentBytes) &&
  Number.isInteger(packetBytes) &&
  contentBytes >= headBytes &&
  packetBytes >= contentBytes

/** How many bytes are missing of a packet that was cut short after its head; undefined if there is no sound head. */
export const missingBytes = (bytes: Uint8Array): number | undefined => {
  const sizes = sizesAt(viewOf(bytes), 0)
  return sizes !== undefined && isSound(sizes) ? sizes.packetBytes - bytes.length : undefined
}

/** The whole packets that `bytes` begins with; `rest` is text, or a packet still growing. All are views of `bytes`. */
export const packets = (
  bytes: Uint8Array
): { readonly packets: ReadonlyArray<MetadataPacket>; readonly rest: Uint8Array } => {
  const view = viewOf(bytes)
  const found: Array<MetadataPacket> = []
  let at = 0
  for (let sizes = sizesAt(view, at); sizes !== undefined; sizes = sizesAt(view, at)) {
    const { contentBytes, packetBytes } = sizes
    if (!isSound(sizes) || at + packetBytes > bytes.length) break
    found.push({ content: bytes.subarray(at, at + contentBytes), whole: bytes.subarray(at, at + packetBytes) })
    at += packetBytes
  }
  return { packets: found, rest: bytes.subarray(at) }
}

const join = (before: Uint8Array, after: Uint8Array): Uint8Array => {
  if (before.length === 0) return after
  const joined = new Uint8Array(before.length + after.length)
  joined.set(before)
  joined.set(after, before.length)
  return joined
}

/** Takes bytes and answers text. Throws `MetadataRefused`. */
export class Text {
  /** The bytes of a character that was cut. */
  #open: Uint8Array = new Uint8Array(0)
  #form: "unknown" | "plain" | "packets" = "unknown"
  #held: Uint8Array = new Uint8Array(0)
  #byteCount = 0
  #uuid: Uint8Array | undefined

  /** Takes more bytes; answers the text that has become known by them. */
  append(bytes: Uint8Array): string {
    // The caller may use its bytes again: what is held is always a copy.
    const all = join(this.#held, bytes)
    if (this.#form === "unknown") {
      if (all.length < 4) {
        this.#held = all.slice()
        return ""
      }
      this.#form = isLittleEndian(viewOf(all), 0) === undefined ? "plain" : "packets"
    }
    if (this.#form === "plain") {
      this.#held = new Uint8Array(0)
      return this.#decode(all)
    }
    const { packets: whole, rest } = packets(all)
    let text = ""
    for (const { content, whole: packet } of whole) {
      this.#check(content)
      text += this.#decode(content.subarray(headBytes))
      this.#byteCount += packet.length
    }
    const sizes = sizesAt(viewOf(rest), 0)
    if (sizes !== undefined && !isSound(sizes)) throw this.#refuse("sizes of a metadata packet that cannot be")
    const isNone = rest.length >= headBytes && isLittleEndian(viewOf(rest), 0) === undefined
    if (isNone) throw this.#refuse("no metadata packet")
    this.#held = rest.slice()
    return text
  }

  /** Answers the text that is left when nothing more comes. */
  end(): string {
    if (this.#form === "packets") return this.#decode(this.#lastContent()) + this.#flush()
    const text = this.#decode(this.#held) + this.#flush()
    this.#held = new Uint8Array(0)
    return text
  }

  /** Less than a head is left: readers ignore that. Otherwise a packet was cut short: only padding may be missing. */
  #lastContent(): Uint8Array {
    const held = this.#held
    const { contentBytes } = sizesAt(viewOf(held), 0) ?? { contentBytes: 0 }
    this.#held = new Uint8Array(0)
    if (held.length < headBytes) return this.#held
    if (held.length < contentBytes) throw this.#refuse("a metadata packet cut short")
    this.#check(held)
    return held.subarray(headBytes, contentBytes)
  }

  #decode(bytes: Uint8Array): string {
    const all = join(this.#open, bytes)
    const end = all.length - RawText.openBytes(all)
    this.#open = all.slice(end)
    return RawText.decode(all.subarray(0, end))
  }

  #flush(): string {
    const text = RawText.decode(this.#open)
    this.#open = new Uint8Array(0)
    return text
  }

  #check(content: Uint8Array): void {
    const uuid = content.slice(offsets.uuid, offsets.uuid + 16)
    this.#uuid ??= uuid
    if (uuid.some((byte, at) => byte !== this.#uuid?.[at])) throw this.#refuse("a metadata packet of another trace")
    if (content.subarray(offsets.schemes, offsets.version).some((scheme) => scheme !== 0)) {
      throw this.#refuse("a metadata packet that is compressed, encrypted or has a checksum")
    }
    const version = `${content[offsets.version]}.${content[offsets.version + 1]}`
    if (version !== "1.8" && version !== "2.0") throw this.#refuse(`a metadata packet of CTF ${version}`)
  }

  #refuse(reason: string): MetadataRefused {
    return new MetadataRefused("metadata-packet", { byte: this.#byteCount }, reason)
  }
}
