/**
 * Whole traces made up at random: one description, written as CTF 1.8 and as CTF 2, whose data streams are the same
 * bytes. Within what babeltrace2 2.0 reads right (the corpus' README names what it does not).
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { BitWriter, type Random, random } from "../encoding.ts"
import {
  type Clock,
  compactHeader,
  type Header,
  mapOf,
  mapped,
  type Now,
  placeOf,
  plainHeader,
  type Shape
} from "./Headers.ts"
import { type Structured, structure, together, told } from "./Structures.ts"
import {
  below,
  chance,
  type Dialect,
  type Json,
  oneOf,
  type Target,
  type Type,
  type Values,
  type Write
} from "./Types.ts"

interface EventClass {
  readonly id: number
  readonly name: string
  readonly logLevel: number | undefined
  readonly context: Structured | undefined
  readonly payload: Structured | undefined
}

interface StreamClass {
  readonly id: number
  readonly now: Now
  readonly packetContext: Type
  readonly packetContextTsdl: string
  readonly hasSizes: boolean
  readonly hasTimes: boolean
  readonly header: Header | undefined
  readonly commonContext: Structured | undefined
  readonly events: ReadonlyArray<EventClass>
}

const words = [
  "x",
  "len",
  "int",
  "event",
  "a",
  "fields",
  "value",
  "id",
  "timestamp_",
  "variant",
  "struct_",
  "constructor"
]

const namer = (next: Random): (() => string) => {
  let count = 0
  return () => {
    const word = oneOf(next, words)
    return `${oneOf(next, ["", "", "_", "_", "__"])}${word}${++count}`
  }
}

const packetContext = (shape: Shape, now: Now, isWhole: boolean, targets: Array<Target>) => {
  const { clock, dialect, named, next } = shape
  const hasSizes = !isWhole
  const hasTimes = clock !== undefined && (chance(next, 0.9) || hasSizes)
  const hasCounters = hasTimes && hasSizes && chance(next, 0.5)
  const place = placeOf(dialect, "packet-context", named, targets)
  const role = (name: string, size: number, role: string, value: () => bigint, extra = "") => ({
    name,
    type: mapped(told(next, place, size, role, value), extra)
  })
  const map = mapOf(shape)
  const body = structure(next, place, () => {
    const members = []
    if (hasTimes) {
      members.push(role("timestamp_begin", 64, "default-clock-timestamp", () => now.begin, map))
      members.push(role("timestamp_end", 64, "packet-end-default-clock-timestamp", () => now.end, map))
    }
    if (hasSizes) {
      const size = oneOf(next, [32, 64, 40])
      members.push(role("content_size", size, "packet-content-length", () => now.content))
      members.push(role("packet_size", size, "packet-total-length", () => now.total))
    }
    if (hasCounters) {
      members.push(
        role(
          "events_discarded",
          oneOf(next, [16, 32, 64]),
          "discarded-event-record-counter-snapshot",
          () => now.discarded
        )
      )
      members.push(role("packet_seq_num", oneOf(next, [32, 64]), "packet-sequence-number", () => now.sequence))
    }
    return members.sort(() => next() - 0.5)
  })
  return { type: body as Type, tsdl: body.tsdlBody, hasSizes, hasTimes }
}

const headerFor = (shape: Shape, now: Now, hasTimes: boolean, idMax: number): Header =>
  shape.clock !== undefined && hasTimes && chance(shape.next, 0.4)
    ? compactHeader(shape, now)
    : plainHeader(shape, now, hasTimes, idMax)

const streamClass = (shape: Shape, id: number, isLone: boolean): StreamClass => {
  const { dialect, named, next } = shape
  const now: Now = {
    total: 0n,
    content: 0n,
    begin: 0n,
    end: 0n,
    clock: 0n,
    discarded: 0n,
    sequence: 0n,
    eventId: 0n,
    instance: 0n,
    isExtended: false
  }
  const targets: Array<Target> = []
  const context = packetContext(shape, now, chance(next, 0.1), targets)
  const eventCount = isLone && chance(next, 0.2) ? 1 : 1 + below(next, 6)
  const hasHeader = eventCount > 1 || shape.clock !== undefined || chance(next, 0.5)
  const idMax = hasHeader ? oneOf(next, [eventCount, 40, 300]) : 0
  const ids = new Set<number>([0])
  while (ids.size < eventCount) ids.add(below(next, Math.max(idMax, eventCount) + 1))
  const events = [...ids].map((id): EventClass => {
    const own = (scope: string) =>
      structure(next, placeOf(dialect, scope, named, scope.endsWith("payload") ? targets.slice() : []))
    return {
      id,
      name: oneOf(next, ["tick", "sched_switch", "a:b", "back\\", "sp ace", "ünï", "{ x }", "`y`"]) + id,
      logLevel: chance(next, 0.3) ? below(next, 15) : undefined,
      context: chance(next, 0.3) ? own("event-record-specific-context") : undefined,
      payload: chance(next, 0.95) ? own("event-record-payload") : undefined
    }
  })
  return {
    id,
    now,
    packetContext: context.type,
    packetContextTsdl: context.tsdl,
    hasSizes: context.hasSizes,
    hasTimes: context.hasTimes,
    header: hasHeader ? headerFor(shape, now, context.hasTimes, Math.max(...ids)) : undefined,
    commonContext: chance(next, 0.5)
      ? structure(next, placeOf(dialect, "event-record-common-context", named))
      : undefined,
    events
  }
}

export interface Trace {
  readonly dialect: Dialect
  readonly clock: Clock | undefined
  readonly uuid: Uint8Array | undefined
  readonly env: ReadonlyArray<readonly [string, string | number]>
  readonly packetHeader: Type | undefined
  readonly packetHeaderTsdl: string
  readonly streams: ReadonlyArray<StreamClass>
}

const clockOf = (next: Random): Clock => {
  const frequency = oneOf(next, [
    1_000_000_000n,
    1_000_000_000n,
    1_000_000_000n,
    19_200_000n,
    1000n,
    32_768n,
    3_000_000_000n
  ])
  return {
    name: oneOf(next, ["monotonic", "my_clock", "c"]),
    frequency,
    offsetSeconds: BigInt(oneOf(next, [0, 1_700_000_000, 5])),
    offset: chance(next, 0.3) ? BigInt(below(next, 1e9)) * frequency : BigInt(below(next, 1000)),
    isAbsolute: chance(next, 0.5),
    hasUuid: chance(next, 0.5)
  }
}

const bytesJson = (length: number, role: string): Json => ({ type: "static-length-blob", length, roles: [role] })

const headerOf = (
  shape: Shape,
  trace: { readonly uuid: Uint8Array | undefined },
  streams: ReadonlyArray<StreamClass>,
  current: { stream: StreamClass }
) => {
  const { dialect, named, next } = shape
  const place = placeOf(dialect, "packet-header", named)
  const members: Array<{ readonly name: string; readonly type: Type }> = []
  const magic = told(next, place, 32, "packet-magic-number", () => 0xc1fc1fc1n)
  if (chance(next, 0.9)) members.push({ name: "magic", type: magic })
  const { uuid } = trace
  if (uuid !== undefined && chance(next, 0.8)) {
    members.push({
      name: "uuid",
      type: {
        alignment: 8,
        tsdl: (name) => `integer { size = 8; } ${name}[16]`,
        json: () => bytesJson(16, "metadata-stream-uuid"),
        make: () => (writer) => {
          writer.align(8)
          writer.raw(uuid)
        }
      }
    })
  }
  const own = told(next, place, oneOf(next, [8, 16, 32, 64]), "data-stream-class-id", () => BigInt(current.stream.id))
  if (streams.length > 1 || streams[0]?.id !== 0 || chance(next, 0.7)) members.push({ name: "stream_id", type: own })
  const instance = told(next, place, oneOf(next, [32, 64]), "data-stream-id", () => current.stream.now.instance)
  // Without one each file is a stream.
  if (chance(next, 0.8)) members.push({ name: "stream_instance_id", type: instance })
  return together(members, 1)
}

export const uuidText = (uuid: Uint8Array): string =>
  Buffer.from(uuid)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")

/** Of several traces that are read together: they have one clock, and no two events one time. */
export interface Part {
  readonly clockSeed: number
  readonly at: number
  readonly count: number
}

interface Made {
  readonly trace: Trace
  readonly current: { stream: StreamClass }
}

const makeTrace = (next: Random, part: Part | undefined): Made => {
  const dialect = { isLittle: chance(next, 0.5) }
  const own = chance(next, 0.85) ? clockOf(next) : undefined
  const clock = part === undefined ? own : { ...clockOf(random(part.clockSeed)), isAbsolute: true }
  const shape = { dialect, named: namer(next), clock, next }
  const streamCount = chance(next, 0.5) || clock === undefined ? 1 : 1 + below(next, 3)
  const ids = Array.from(
    { length: streamCount },
    (_, at) => at * (1 + below(next, 3)) + (streamCount > 1 ? below(next, 2) : 0)
  )
  const streams = [...new Set(ids)].map((id, _, { length }) => streamClass(shape, id, length === 1))
  const current = { stream: streams[0] as StreamClass }
  const uuid = chance(next, 0.7) ? Uint8Array.from({ length: 16 }, () => below(next, 256)) : undefined
  const header = headerOf(shape, { uuid }, streams, current)
  const env: Array<readonly [string, string | number]> = []
  if (chance(next, 0.5)) env.push(["hostname", oneOf(next, ["vm", "a b", "ü"])])
  if (chance(next, 0.3)) env.push(["procname", "app"])
  if (chance(next, 0.3)) env.push(["vpid", below(next, 9999)])
  if (chance(next, 0.3)) env.push(["domain", oneOf(next, ["ust", "kernel"])])
  if (chance(next, 0.3)) env.push(["tracer_name", oneOf(next, ["lttng-ust", "barectf", "x"])])
  const trace = { dialect, clock, uuid, env, packetHeader: header, packetHeaderTsdl: header.tsdlBody, streams }
  return { trace, current }
}

/** Of all streams of a trace: what is later is larger, and no two are alike. */
interface Ticks {
  at: bigint
}

const eventWrite = (stream: StreamClass, next: Random, values: Values, ticks: Ticks, step: bigint): Write => {
  const { header, now } = stream
  const event = oneOf(next, stream.events)
  ticks.at += step * BigInt(1 + below(next, chance(next, 0.1) ? 60 : 3))
  const clock = ticks.at
  const isExtended = event.id > (header?.compactMax ?? 0) || chance(next, 0.2)
  const writes = [
    header?.type.make(next, values),
    stream.commonContext?.make(next, values),
    event.context?.make(next, values),
    event.payload?.make(next, values)
  ]
  return (writer) => {
    now.eventId = BigInt(event.id)
    now.isExtended = isExtended
    now.clock = clock
    for (const write of writes) write?.(writer)
  }
}

/** Written once to know its sizes, then with them. */
const packet = (made: Made, stream: StreamClass, next: Random, ticks: Ticks, step: bigint): Uint8Array => {
  const { now } = stream
  made.current.stream = stream
  const values: Values = new Map()
  now.begin = ticks.at
  const head = [made.trace.packetHeader?.make(next, values), stream.packetContext.make(next, values)]
  const events = Array.from({ length: chance(next, 0.1) ? 0 : 1 + below(next, 12) }, () =>
    eventWrite(stream, next, values, ticks, step)
  )
  now.end = ticks.at
  const writeAll = (): BitWriter => {
    const writer = new BitWriter()
    for (const write of head) write?.(writer)
    for (const write of events) write(writer)
    return writer
  }
  const content = writeAll().at
  const total = Math.ceil(content / 8) * 8 + (stream.hasSizes ? below(next, 5) * 8 : 0)
  now.content = BigInt(content)
  now.total = BigInt(total)
  const { bytes } = writeAll()
  while (bytes.length < total / 8) bytes.push(below(next, 256))
  return Uint8Array.from(bytes)
}

const hasNoBits = (made: Made, stream: StreamClass): boolean => {
  const values: Values = new Map()
  return stream.events.some((event) => {
    const writer = new BitWriter()
    for (const type of [stream.header?.type, stream.commonContext, event.context, event.payload])
      type?.make(random(1), values)(writer)
    return writer.at === 0 || made.trace.streams.length === 0
  })
}

const filesOf = (
  made: Made,
  next: Random,
  part: Part = { clockSeed: 0, at: 0, count: 1 }
): ReadonlyMap<string, Uint8Array> => {
  const { clock } = made.trace
  // Not below a nanosecond.
  const apart = clock !== undefined && clock.frequency > 1_000_000_000n ? 4n : 1n
  const step = apart * BigInt(part.count)
  const start = part.count === 1 ? BigInt(below(next, 2 ** 32)) + (chance(next, 0.5) ? 2n ** 27n - 20n : 0n) : 2n ** 27n
  const ticks: Ticks = { at: (start / step) * step + apart * BigInt(part.at) }
  const files = new Map<string, Array<Uint8Array>>()
  const instances = made.trace.streams.flatMap((stream) =>
    Array.from({ length: clock === undefined ? 1 : 1 + below(next, 2) }, (_, at) => ({
      stream,
      at,
      discarded: 0n,
      sequence: 0n,
      name: `s${stream.id}_${at}`
    }))
  )
  for (let round = 1 + below(next, 4); round > 0; round--) {
    for (const instance of instances) {
      const { name, stream } = instance
      if (!stream.hasSizes && files.has(name)) continue
      instance.discarded += chance(next, 0.2) ? BigInt(1 + below(next, 9)) : 0n
      instance.sequence += chance(next, 0.2) ? BigInt(1 + below(next, 4)) : 1n
      Object.assign(stream.now, {
        instance: BigInt(instance.at),
        discarded: instance.discarded,
        sequence: instance.sequence
      })
      const own = files.get(name) ?? []
      own.push(packet(made, stream, next, ticks, step))
      files.set(name, own)
    }
  }
  return new Map([...files].map(([name, packets]) => [name, Buffer.concat(packets)]))
}

/** Undefined where an event record would have no bits: that is an error of its own. */
export const record = (
  seed: number,
  part?: Part
): { readonly trace: Trace; readonly files: ReadonlyMap<string, Uint8Array> } | undefined => {
  const next = random(seed)
  const made = makeTrace(next, part)
  if (made.trace.streams.some((stream) => hasNoBits(made, stream))) return undefined
  return { trace: made.trace, files: filesOf(made, next, part) }
}

export const writeFiles = (directory: string, metadata: Uint8Array, files: ReadonlyMap<string, Uint8Array>): void => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "metadata"), metadata)
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes)
}
