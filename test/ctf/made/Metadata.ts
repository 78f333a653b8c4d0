/** Metadata of a trace that was made up, in both formats, with what either lets a writer choose. */
import type { Random } from "../encoding.ts"
import { type Trace, uuidText } from "./Traces.ts"
import { below, chance, type Json, oneOf } from "./Types.ts"

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

const clockBlock = ({ clock }: Trace, next: Random): ReadonlyArray<string> => {
  if (clock === undefined) return []
  const { frequency, isAbsolute, name, offset, offsetSeconds } = clock
  const attributes = [
    `name = ${chance(next, 0.5) ? name : `"${name}"`};`,
    `freq = ${frequency};`,
    `offset = ${offset};`
  ]
  if (offsetSeconds !== 0n) attributes.push(`offset_s = ${offsetSeconds};`)
  if (isAbsolute) attributes.push("absolute = true;")
  if (clock.hasUuid) attributes.push('uuid = "0b1d2e3f-0000-4000-8000-000000000001";')
  return [`clock { ${attributes.join(" ")} };`]
}

const traceBlock = ({ dialect, packetHeaderTsdl, uuid }: Trace, next: Random): string => {
  const entries = [
    "major = 1;",
    "minor = 8;",
    `byte_order = ${dialect.isLittle ? "le" : oneOf(next, ["be", "network"])};`
  ]
  if (uuid !== undefined) entries.push(`uuid = "${uuidText(uuid)}";`)
  return `trace { ${entries.join(" ")} packet.header := ${packetHeaderTsdl}; };`
}

/** Comments and white space between words change nothing; not inside of texts. */
const spread = (text: string, next: Random): string =>
  text.replace(/"(?:[^"\\]|\\.)*"| /g, (found) => {
    if (found !== " " || !chance(next, 0.1)) return found
    return oneOf(next, ["\n", "\t", ' /* a } " comment */ ', " // until here; }\n", "  ", "\r\n"])
  })

/** Some integers by names instead, through aliases of aliases; their order is told by the trace block behind them. */
const named = (blocks: ReadonlyArray<string>, next: Random): ReadonlyArray<string> => {
  const declarations: Array<string> = []
  const names = new Map<string, string>()
  const nameOf = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const at = names.size
    const name = oneOf(next, [`u${at}_t`, `unsigned long${" long".repeat(at)}`, `const u${at}`, `_t${at}`])
    declarations.push(`typealias ${text} := ${name};`)
    if (chance(next, 0.3)) declarations.push(`typealias ${name} := again${at};`)
    const last = declarations.at(-1)?.includes(`:= again${at};`) === true ? `again${at}` : name
    if (chance(next, 0.2)) declarations.push(`typedef ${last} def${at};`)
    names.set(text, declarations.at(-1)?.startsWith("typedef") === true ? `def${at}` : last)
    return names.get(text) ?? name
  }
  const replaced = blocks.map((block) =>
    block.replace(/integer \{[^{}"]*\}/g, (text) =>
      text.includes("map =") || (!names.has(text) && !chance(next, 0.15)) ? text : nameOf(text)
    )
  )
  return [...declarations, ...replaced]
}

export const tsdl = (trace: Trace, next: Random): string => {
  const blocks = [traceBlock(trace, next)]
  if (trace.env.length > 0) {
    const entries = trace.env.map(([name, value]) => `${name} = ${typeof value === "string" ? quoted(value) : value};`)
    blocks.push(`env { ${entries.join(" ")} };`)
  }
  blocks.push(...clockBlock(trace, next))
  const hasIds = trace.packetHeaderTsdl.includes(" stream_id;")
  for (const stream of trace.streams) {
    const id = hasIds ? `id = ${stream.id};` : ""
    const entries = [id, `packet.context := ${stream.packetContextTsdl};`]
    if (stream.header !== undefined) entries.push(`event.header := ${stream.header.tsdl};`)
    if (stream.commonContext !== undefined) entries.push(`event.context := ${stream.commonContext.tsdlBody};`)
    blocks.push(`stream { ${entries.join(" ")} };`)
    for (const event of stream.events) {
      const entries = [`name = ${quoted(event.name)};`, `id = ${event.id};`]
      if (hasIds) entries.push(`stream_id = ${stream.id};`)
      if (event.logLevel !== undefined) entries.push(`loglevel = ${event.logLevel};`)
      if (event.context !== undefined) entries.push(`context := ${event.context.tsdlBody};`)
      if (event.payload !== undefined) entries.push(`fields := ${event.payload.tsdlBody};`)
      blocks.push(`event { ${entries.join(" ")} };`)
    }
  }
  return `/* CTF 1.8 */\n\n${named(blocks, next)
    .map((block) => spread(block, next))
    .join("\n")}\n`
}

const headBytes = 37

/** Cut anywhere, in either byte order. */
export const packed = (text: string, uuid: Uint8Array, next: Random): Uint8Array => {
  const bytes = Buffer.from(text)
  const isLittle = chance(next, 0.5)
  const packets: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length; ) {
    const count = Math.min(bytes.length - at, 1 + below(next, 4000))
    const packet = Buffer.alloc(headBytes + count + below(next, 20))
    const put = (value: number, at: number) =>
      isLittle ? packet.writeUInt32LE(value, at) : packet.writeUInt32BE(value, at)
    put(0x75d11d57, 0)
    packet.set(uuid, 4)
    put((headBytes + count) * 8, 24)
    put(packet.length * 8, 28)
    packet.set([1, 8], 35)
    packet.set(bytes.subarray(at, at + count), headBytes)
    packets.push(packet)
    at += count
  }
  return Buffer.concat(packets)
}

/** Integers of any size; members that are none are left out. */
const stringify = (value: unknown): string => {
  if (typeof value === "bigint") return String(value)
  if (value instanceof Map) {
    return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(",")}}`
  }
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(",")}}`
}

const levels = [
  ...["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug:system", "debug:program"],
  ...["debug:process", "debug:module", "debug:unit", "debug:function", "debug:line", "debug"]
]

const clockFragment = ({ clock }: Trace): ReadonlyArray<Json> => {
  if (clock === undefined) return []
  const { frequency, hasUuid, isAbsolute, name, offset, offsetSeconds } = clock
  const whole = offset / frequency
  return [
    {
      type: "clock-class",
      id: name,
      name,
      uid: hasUuid ? "0b1d2e3f-0000-4000-8000-000000000001" : undefined,
      frequency,
      origin: isAbsolute ? "unix-epoch" : undefined,
      "offset-from-origin": { seconds: offsetSeconds + whole, cycles: offset - whole * frequency }
    }
  ]
}

export const json = (trace: Trace, next: Random): string => {
  const uuid = trace.uuid === undefined ? undefined : [...trace.uuid]
  const fragments: Array<Json> = [
    { type: "preamble", version: 2, uuid },
    {
      type: "trace-class",
      environment: trace.env.length > 0 ? new Map(trace.env) : undefined,
      "packet-header-field-class": trace.packetHeader?.json()
    },
    ...clockFragment(trace)
  ]
  for (const stream of trace.streams) {
    fragments.push({
      type: "data-stream-class",
      id: stream.id,
      "default-clock-class-id": trace.clock?.name,
      "packet-context-field-class": stream.packetContext.json(),
      "event-record-header-field-class": stream.header?.type.json(),
      "event-record-common-context-field-class": stream.commonContext?.json()
    })
    for (const event of stream.events) {
      fragments.push({
        type: "event-record-class",
        id: event.id,
        "data-stream-class-id": stream.id,
        name: event.name,
        attributes:
          event.logLevel === undefined ? undefined : { "lttng.org,2009": { "log-level": levels[event.logLevel] } },
        "specific-context-field-class": event.context?.json(),
        "payload-field-class": event.payload?.json()
      })
    }
  }
  const space = () => (chance(next, 0.2) ? oneOf(next, ["\n", "  ", "\r\n\t"]) : "")
  return fragments.map((fragment) => `\u001e${space()}${stringify(fragment)}${space()}`).join("")
}
