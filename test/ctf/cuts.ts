/** Recorded packets cut anywhere: by their file, and by what they say of their content. */
import { grainBytes } from "../../src/ctf/decode/Cursor.ts"
import { DataStream, event, failed, inMemory, type Source } from "../../src/ctf/decode/DataStream.ts"
import type { TracePlan } from "../../src/ctf/decode/Plan.ts"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import { Json } from "../../src/ctf/print/Json.ts"
import { defaults, Text } from "../../src/ctf/print/Text.ts"
import type { Packet } from "./mutations.ts"

const out = new Bytes()
const text = new Text({ ...defaults, hasDelta: false })
const json = new Json(() => ({ streamId: 0 }))

interface Read {
  readonly events: ReadonlyArray<string>
  /** Why there are no more. */
  readonly end: string
}

/** Never gives more than was asked for. */
export const throughWindows = (bytes: Uint8Array): Source => ({
  ...inMemory(bytes),
  load: (cursor, first, countMin) => {
    if (first % grainBytes !== 0) throw new Error(`a window from ${first} on`)
    cursor.bytes = bytes.slice(first, first + countMin)
    cursor.view = new DataView(cursor.bytes.buffer)
  }
})

const read = (plan: TracePlan, source: Source): Read => {
  const stream = new DataStream("cut", plan)
  const events: Array<string> = []
  const failure = (): string => {
    const { bit = -1, event: name, kind, message } = stream.failure ?? {}
    if (kind === undefined || bit < 0 || message === "") throw new Error(`a failure without its place: ${kind}`)
    return `${kind} at ${bit} in ${name}: ${message}`
  }
  if (!stream.open(source)) return { events, end: failure() }
  while (true) {
    const outcome = stream.next()
    if (outcome !== event) return { events, end: outcome === failed ? failure() : "over" }
    out.clear()
    text.event(stream, out)
    json.event(stream, out)
    events.push(Buffer.from(out.written).toString("latin1"))
    if (events.length > source.byteCount * 8) throw new Error("more events than bits")
  }
}

interface Size {
  readonly at: number
  readonly isLittle: boolean
  readonly headBits: number
  readonly contentBits: number
}

/** Where the packet says how long its content is, if it does in 64 bits. */
const contentSize = (plan: TracePlan, bytes: Uint8Array): Size | undefined => {
  const stream = new DataStream("whole", plan)
  if (!stream.open(inMemory(bytes)) || stream.cursor.contentBits === undefined) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headBits = stream.head.content
  const contentBits = Number(stream.cursor.contentBits)
  for (let at = 0; at + 8 <= headBits / 8; at++) {
    for (const isLittle of [true, false]) {
      if (view.getBigUint64(at, isLittle) === BigInt(contentBits)) return { at, isLittle, headBits, contentBits }
    }
  }
  return undefined
}

/** All that are cut in every `step`th place. */
function* cutsOf(plan: TracePlan, bytes: Uint8Array, step: number): Generator<[place: string, bytes: Uint8Array]> {
  for (let length = 0; length < bytes.length; length += step) yield [`byte ${length}`, bytes.slice(0, length)]
  const size = contentSize(plan, bytes)
  if (size === undefined) return
  // Less than its head is no content: where that ends is not known then.
  for (let bits = size.headBits; bits < size.contentBits; bits += step) {
    const cut = bytes.slice()
    new DataView(cut.buffer).setBigUint64(size.at, BigInt(bits), size.isLittle)
    yield [`content of ${bits} bits`, cut]
  }
}

/** How many cuts there were. Throws at the first that is not read as the whole packet up to where it is cut. */
export const run = (packets: ReadonlyArray<Packet>, step: number): number => {
  let count = 0
  for (const { bytes, name, plans } of packets) {
    const [plan] = plans as [TracePlan]
    const whole = read(plan, inMemory(bytes)).events
    for (const [place, cut] of cutsOf(plan, bytes, step)) {
      count++
      const found = plans.flatMap((plan) => [inMemory(cut), throughWindows(cut)].map((source) => read(plan, source)))
      const [first] = found as [Read]
      for (const { end, events } of found) {
        if (end !== first.end) throw new Error(`${name}, ${place}: ${end}; elsewhere ${first.end}`)
        const wrong = events.findIndex((one, at) => one !== whole[at])
        if (wrong !== -1) throw new Error(`${name}, ${place}: event ${wrong} is ${events[wrong]}, not ${whole[wrong]}`)
      }
    }
  }
  return count
}
