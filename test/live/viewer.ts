/**
 * A scripted viewer: requests as bytes written down here, replies as lines that say every field.
 *
 * Streams and sessions are listed by number, since their order is unspecified. Bytes that must be zero and are not show
 * as "dirty". A closed connection or a silence is a line, too.
 */
import { connect as dial, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import type * as Relays from "../support/relays.ts"
import * as Wire from "../support/wire.ts"

const { join, u32, u64 } = Commands

type Step<A = void> = Effect.Effect<A>

export const numbers = {
  CONNECT: 1,
  LIST: 2,
  ATTACH: 3,
  NEXT: 4,
  PACKET: 5,
  METADATA: 6,
  NEW_STREAMS: 7,
  CREATE: 8,
  DETACH: 9
} as const

export type Name = keyof typeof numbers

export const request = (command: number, payload: Uint8Array = Commands.none, dataSize = payload.length): Buffer =>
  join(u64(dataSize), u32(command), u32(0), payload)

const named = (names: Record<number, string>, status: number) => names[status] ?? `status ${status}`
const attachStatus = { 1: "ok", 2: "already", 3: "unknown", 4: "not live", 5: "seek error", 6: "no session" }
const streamsStatus = { 1: "ok", 2: "no new", 3: "error", 4: "hup" }
const indexStatus = { 1: "ok", 2: "retry", 3: "hup", 4: "error", 5: "inactive" }
const packetStatus = { 1: "ok", 3: "error" }
const metadataStatus = { 1: "ok", 2: "no new", 3: "error" }
const detachStatus = { 1: "ok", 2: "unknown", 3: "error" }

const text = (bytes: Buffer): string => {
  const end = bytes.indexOf(0)
  const rest = bytes.subarray(end < 0 ? bytes.length : end)
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end) + (rest.every((byte) => byte === 0) ? "" : " dirty")
}

/** Runs of equal bytes, as `count×byte`: packets of the script are made of one byte each. */
const runs = (bytes: Buffer): string => {
  const parts: Array<string> = []
  for (let at = 0; at < bytes.length; ) {
    let end = at
    while (end < bytes.length && bytes[end] === bytes[at]) end++
    parts.push(`${end - at}×${bytes[at]?.toString(16).padStart(2, "0")}`)
    at = end
  }
  return parts.join(" ")
}

const flagsText = (flags: number) =>
  `${flags & 1 ? " +metadata" : ""}${flags & 2 ? " +streams" : ""}${flags > 3 ? ` +${flags}` : ""}`

const indexText = (reply: Buffer): string => {
  const field = (at: number) => reply.readBigUInt64BE(at)
  const status = named(indexStatus, reply.readUInt32BE(56))
  const flags = flagsText(reply.readUInt32BE(60))
  if (status === "ok") {
    const times = `${field(24)}..${field(32)}`
    return `ok at ${field(0)}, ${field(8)}/${field(16)} bits, ${times}, lost ${field(40)}, class ${field(48)}${flags}`
  }
  const unexpected = [0, 8, 16, 24, 40, ...(status === "inactive" ? [] : [32, 48])].some((at) => field(at) !== 0n)
  const known = status === "inactive" ? ` until ${field(32)}, class ${field(48)}` : ""
  return `${status}${known}${flags}${unexpected ? " dirty" : ""}`
}

export interface Viewer {
  readonly connect: (minor: number, type?: number, major?: number) => Step
  readonly list: Step
  readonly create: Step
  readonly attach: (session: number | bigint, seek: "beginning" | "last" | number) => Step
  readonly newStreams: (session: number | bigint) => Step
  readonly next: (stream: number | bigint) => Step
  /** Asks until the answer is no "retry", nor inactivity until another time, and records that one. */
  readonly nextUntilKnown: (stream: number | bigint, inactiveUntil?: number) => Step
  readonly packet: (stream: number | bigint, offset: number | bigint, length: number) => Step
  readonly metadata: (stream: number | bigint) => Step
  readonly detach: (session: number | bigint) => Step
  readonly send: (bytes: Uint8Array) => Step
  /** Reads the reply of a request that was sent raw. */
  readonly reply: (name: Name, subject?: number | bigint) => Step
  readonly closes: (label: string) => Step
  /** Half-closes: the relay sees the end of the requests after what was sent. */
  readonly end: Step
  readonly close: Step
  readonly reset: Step
}

type Note = (line: string) => void
type Read = (count: number) => Effect.Effect<Buffer, Wire.WireClosed | Wire.WireSilent>

const streamsText = (read: Read, names: Record<number, string>) =>
  Effect.gen(function* () {
    const head = yield* read(8)
    const count = head.readUInt32BE(4)
    const entries: Array<string> = []
    for (let left = count; left > 0; left--) {
      const entry = yield* read(4371)
      const kind = entry.readUInt32BE(16) === 1 ? "metadata" : entry.readUInt32BE(16) === 0 ? "data" : "dirty"
      const where = `${text(entry.subarray(20, 4116))}/${text(entry.subarray(4116))}`
      entries.push(`${entry.readBigUInt64BE(0)} ${kind} of trace ${entry.readBigUInt64BE(8)} ${where}`)
    }
    return [named(names, head.readUInt32BE(0)), ...entries.sort()].join("; ")
  })

const sessionsText = (read: Read, isLayout15: boolean) =>
  Effect.gen(function* () {
    const count = (yield* read(4)).readUInt32BE(0)
    const entries: Array<string> = []
    for (let left = count; left > 0; left--) {
      const common = yield* read(20)
      let names: string
      if (isLayout15) {
        const lengths = yield* read(12)
        const host = (yield* read(lengths.readUInt32BE(0))).toString("latin1")
        names = `${host}/${(yield* read(lengths.readUInt32BE(4))).toString("latin1")} format ${lengths.readUInt32BE(8)}`
      } else names = `${text(yield* read(64))}/${text(yield* read(255))}`
      const [timer, clients, streams] = [8, 12, 16].map((at) => common.readUInt32BE(at))
      // Sessions by which a script asks whether something is closed are no part of it.
      if (names.startsWith("observer")) continue
      entries.push(`${common.readBigUInt64BE(0)} ${names} timer ${timer} clients ${clients} streams ${streams}`)
    }
    return entries.length === 0 ? "none" : entries.sort().join("; ")
  })

const readers: Record<
  Name,
  (read: Read, isLayout15: boolean) => Effect.Effect<string, Wire.WireClosed | Wire.WireSilent>
> = {
  CONNECT: (read) =>
    Effect.map(read(20), (reply) => {
      const minor = reply.readUInt32BE(12)
      // Each relay answers its own minor: 13 for the installed reference, 15 for us.
      const version = `${reply.readUInt32BE(8)}.${minor === 13 || minor === 15 ? "<own minor>" : minor}`
      return `id ${reply.readBigUInt64BE(0)}, ${version}, type ${reply.readUInt32BE(16)}`
    }),
  LIST: sessionsText,
  ATTACH: (read) => streamsText(read, attachStatus),
  NEXT: (read) => Effect.map(read(64), indexText),
  PACKET: (read) =>
    Effect.gen(function* () {
      const head = yield* read(12)
      const bytes = yield* read(head.readUInt32BE(4))
      const flags = flagsText(head.readUInt32BE(8))
      return `${named(packetStatus, head.readUInt32BE(0))}${flags} ${runs(bytes)}`.trimEnd()
    }),
  METADATA: (read) =>
    Effect.gen(function* () {
      const head = yield* read(12)
      const bytes = yield* read(Number(head.readBigUInt64BE(0)))
      return `${named(metadataStatus, head.readUInt32BE(8))} ${runs(bytes)}`.trimEnd()
    }),
  NEW_STREAMS: (read) => streamsText(read, streamsStatus),
  CREATE: (read) => Effect.map(read(4), (reply) => (reply.readUInt32BE(0) === 1 ? "ok" : reply.toString("hex"))),
  DETACH: (read) => Effect.map(read(4), (reply) => named(detachStatus, reply.readUInt32BE(0)))
}

const make = (name: string, wire: Wire.Wire, note: Note): Viewer => {
  let isLayout15 = false
  const answer = (command: Name): Step<string> =>
    Effect.suspend(() => readers[command](wire.read, isLayout15)).pipe(
      Effect.catch((failed) =>
        Effect.succeed(`${failed.received} ${failed._tag === "WireClosed" ? "closed" : "silent"}`.trimStart())
      )
    )
  const reply = (command: Name, subject: number | bigint | string = ""): Step =>
    Effect.map(answer(command), (found) => note(`${name} ${command}${subject === "" ? "" : ` ${subject}`} → ${found}`))
  const ask = (command: Name, payload: Uint8Array, subject: number | bigint | string = ""): Step =>
    Effect.andThen(wire.send(request(numbers[command], payload)), reply(command, subject))
  const seeks = { beginning: 1, last: 2 }
  return {
    connect: (minor, type = 1, major = 2) => {
      isLayout15 = minor >= 15
      return ask("CONNECT", join(u64(0xffffffffffffffffn), u32(major), u32(minor), u32(type)))
    },
    list: ask("LIST", Commands.none),
    create: ask("CREATE", Commands.none),
    attach: (session, seek) => {
      const number = typeof seek === "number" ? seek : seeks[seek]
      return ask("ATTACH", join(u64(session), u64(0), u32(number)), `${session} ${seek}`)
    },
    newStreams: (session) => ask("NEW_STREAMS", u64(session), session),
    next: (stream) => ask("NEXT", u64(stream), stream),
    nextUntilKnown: (stream, inactiveUntil) =>
      Effect.gen(function* () {
        for (let attempt = 0; attempt < 500; attempt++) {
          yield* wire.send(request(numbers.NEXT, u64(stream)))
          const found = yield* answer("NEXT")
          const isOther = inactiveUntil !== undefined && /^inactive until (\d+)/.exec(found)?.[1] !== `${inactiveUntil}`
          const isKnown = !(found.startsWith("inactive") && isOther) && !found.startsWith("retry")
          if (isKnown) return note(`${name} NEXT ${stream} → ${found}`)
          yield* Effect.sleep("10 millis")
        }
        note(`${name} NEXT ${stream} → retry for ever`)
      }),
    packet: (stream, offset, length) =>
      ask("PACKET", join(u64(stream), u64(offset), u32(length)), `${stream} ${offset}+${length}`),
    metadata: (stream) => ask("METADATA", u64(stream), stream),
    detach: (session) => ask("DETACH", u64(session), session),
    send: wire.send,
    reply,
    closes: (label) =>
      wire.readToEnd.pipe(
        Effect.map((bytes) => note(`${name} ${label} → ${bytes.toString("hex")} closed`)),
        Effect.catch((failed) => Effect.sync(() => note(`${name} ${label} → ${failed.received} still open`)))
      ),
    end: wire.end,
    close: wire.close,
    reset: wire.reset
  }
}

/** Viewers of one relay, named V1, V2, … */
export const of = (
  relay: Pick<Relays.Relay, "livePort" | "host">,
  note: Note
): Effect.Effect<Viewer, never, Scope.Scope> => {
  let count = 0
  return Effect.suspend(() => {
    count += 1
    const name = `V${count}`
    return Effect.map(Effect.orDie(Wire.connect(relay.livePort, relay.host)), (wire) => make(name, wire, note))
  })
}

/** Sends and never reads. */
export interface Deaf {
  readonly send: (bytes: Uint8Array) => Step
  readonly reset: Step
}

export const deaf = (relay: Pick<Relays.Relay, "livePort" | "host">): Effect.Effect<Deaf, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = dial({ port: relay.livePort, host: relay.host })
      socket.on("error", () => socket.destroy())
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.map((socket) => ({
      // Not waited for: the other side may have stopped reading.
      send: (bytes) => Effect.sync(() => void socket.write(bytes)),
      reset: Effect.sync(() => void socket.resetAndDestroy())
    }))
  )
