/** Packets of recorded traces with bytes flipped, cut and repeated; each is read to its end and printed. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Result from "effect/Result"
import { DataStream, event, failed, inMemory } from "../../src/ctf/decode/DataStream.ts"
import { TracePlan } from "../../src/ctf/decode/Plan.ts"
import { parse } from "../../src/ctf/metadata/GrowingMetadata.ts"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import { Json } from "../../src/ctf/print/Json.ts"
import { Text } from "../../src/ctf/print/Text.ts"
import { type Random, random } from "./encoding.ts"

export interface Packet {
  readonly name: string
  readonly plans: ReadonlyArray<TracePlan>
  readonly bytes: Uint8Array
}

const packetBytesMax = 16 * 1024

/** Whole packets of all traces below a directory, of those that can be read. */
export const packetsBelow = (directory: string): ReadonlyArray<Packet> => {
  const names = readdirSync(directory)
  if (!names.includes("metadata")) {
    return names
      .sort()
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isDirectory())
      .flatMap(packetsBelow)
  }
  const parsed = parse(readFileSync(join(directory, "metadata")))
  if (Result.isFailure(parsed)) return []
  const plans = (["generated", "closures"] as const).map((code) => new TracePlan(parsed.success, undefined, code))
  return names
    .filter((name) => name !== "metadata" && statSync(join(directory, name)).isFile())
    .flatMap((name) => {
      const bytes = readFileSync(join(directory, name))
      const stream = new DataStream(name, plans[0] as TracePlan)
      const isRead = bytes.length > 0 && stream.open(inMemory(bytes))
      const byteCount = stream.totalBits / 8
      if (!isRead || byteCount > packetBytesMax) return []
      return [{ name: join(directory, name), plans, bytes: new Uint8Array(bytes.subarray(0, byteCount)) }]
    })
}

const mutate = (next: Random, bytes: Uint8Array): Uint8Array => {
  const changed = next() < 0.2 ? bytes.slice(0, Math.floor(next() * bytes.length)) : bytes.slice()
  const head = Math.min(changed.length, 128)
  for (let count = Math.floor(next() * 4); count >= 0; count--) {
    // Heads and what they say decide most.
    const at = Math.floor(next() * (next() < 0.3 ? head : changed.length))
    const flipped = (changed[at] ?? 0) ^ (1 << Math.floor(next() * 8))
    const byte = next() < 0.5 ? flipped : [0, 0xff, 0x7f, 0x80][Math.floor(next() * 4)]
    if (at < changed.length) changed[at] = byte ?? 0
  }
  return changed
}

const out = new Bytes()
const text = new Text()
const json = new Json(() => ({ streamId: 0 }))

/** How one packet ended, in both ways of decoding. Throws only where the reader is wrong. */
const read = ({ name, plans }: Packet, bytes: Uint8Array): ReadonlyArray<string> =>
  plans.map((plan) => {
    const stream = new DataStream(name, plan)
    if (!stream.open(inMemory(bytes))) return `head: ${stream.failure?.kind}`
    let count = 0
    while (true) {
      const outcome = stream.next()
      if (outcome !== event) {
        const end = outcome === failed ? `${stream.failure?.kind} at ${stream.failure?.bit}` : "over"
        return `${count} events, ${end}`
      }
      // Each takes at least a bit.
      if (++count > bytes.length * 8) throw new Error("more events than bits")
      out.clear()
      text.event(stream, out)
      json.event(stream, out)
    }
  })

/** So many packets, each changed at random. Throws at the first that is not read as it should be. */
export const run = (packets: ReadonlyArray<Packet>, count: number, seed: number): ReadonlyMap<string, number> => {
  const next = random(seed)
  const ends = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const packet = packets[Math.floor(next() * packets.length)] as Packet
    const bytes = mutate(next, packet.bytes)
    const place = `${packet.name}, mutation ${i} of seed ${seed}`
    let found: ReadonlyArray<string>
    try {
      found = read(packet, bytes)
    } catch (cause) {
      throw new Error(`${place}: ${cause instanceof Error ? cause.stack : JSON.stringify(cause)}`)
    }
    const [generated, closures] = found
    if (generated !== closures) throw new Error(`${place}: ${generated} by functions, ${closures} by closures`)
    const end = generated?.replace(/^\d+ events, | at \d+$/g, "") ?? ""
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  return ends
}
