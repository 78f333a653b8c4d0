/**
 * Requests that no viewer sends, drawn from a seed: viewers of any minor that have got to some point, then one request
 * that is cut short, is too long, comes too early, or names what there is not, then one that must be answered if the
 * connection is still there. What comes back up to the end of the connection is the transcript.
 */
import { Effect } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { Random } from "../support/Random.ts"
import * as Live from "./scenario.ts"
import { type LiveScript, type Run, type Scenario, scenario } from "./scenario.ts"
import * as Viewer from "./viewer.ts"

const { join, u32, u64 } = Commands

/** What there is, for payloads that are nearly right. */
interface Known {
  readonly session: bigint
  readonly data: bigint
  readonly metadata: bigint
  readonly minor: number
}

type Point = "dialled" | "connected" | "created" | "attached"
const points: ReadonlyArray<Point> = ["dialled", "connected", "created", "attached", "attached"]

type Draw = (random: Random, known: Known, point: Point) => Uint8Array

const strange = [0n, 999n, 2n ** 32n, 2n ** 64n - 1n]
const session = (random: Random, known: Known) => u64(random.chance(0.6) ? known.session : random.pick(strange))
const stream = (random: Random, { data, metadata }: Known) =>
  u64(random.chance(0.7) ? random.pick([data, metadata]) : random.pick(strange))

const draws: Record<Viewer.Name, Draw> = {
  CONNECT: (random, { minor }) =>
    join(u64(random.pick(strange)), u32(random.pick([2, 2, 2, 1, 3])), u32(minor), u32(random.pick([0, 1, 2, 3, 9]))),
  LIST: () => Commands.none,
  CREATE: () => Commands.none,
  // A seek that there is not is looked at after "already" there, and before it here (live.md §6.4).
  ATTACH: (random, known, point) => {
    const seek = random.pick(point === "attached" ? [1, 2] : [0, 1, 2, 3, 0xffffffff])
    return join(session(random, known), u64(random.pick(strange)), u32(seek))
  },
  NEXT: stream,
  PACKET: (random, known) =>
    join(stream(random, known), u64(random.pick([0n, 16n, 17n, 2n ** 63n])), u32(random.pick([0, 16, 17, 1 << 20]))),
  METADATA: stream,
  NEW_STREAMS: session,
  DETACH: session
}

const names = Object.keys(draws) as ReadonlyArray<Viewer.Name>
const unknownCommands = [0, 10, 99, 0xffffffff]

/** A viewer that has got so far. */
const got = (s: LiveScript, random: Random, point: Point, { minor, session }: Known) =>
  Effect.gen(function* () {
    const viewer = yield* s.stranger
    if (point !== "dialled") yield* viewer.connect(minor)
    if (point === "created" || point === "attached") yield* viewer.create
    if (point === "attached") yield* viewer.attach(session, random.pick(["beginning", "last"]))
    return viewer
  })

/**
 * One connection's worth. Each has a session of its own: the reference takes some viewers that are gone for attached,
 * and lets no other in.
 */
const ask = (s: LiveScript, random: Random, count: number) =>
  Effect.gen(function* () {
    const { c, metadata: sendMetadata, session, stream } = yield* s.tracer({ name: `odd${count}` })
    const data = yield* stream("ch_0")
    const metadata = yield* stream("metadata")
    yield* c.streamsSent
    yield* sendMetadata(metadata, 0x6d, 40, 40)
    for (let seq = 0; seq < 2; seq++) yield* data.packet(seq, { bytes: 16 * (seq + 1) })
    const minor = random.pick([4, 5, 8, 11, 12, 13])
    const known = { session: session.id, data: data.id, metadata: metadata.id, minor }
    const point = random.pick(points)
    const viewer = yield* got(s, random, point, known)
    const name = random.pick(names)
    const isUnknown = random.chance(0.05)
    const number = isUnknown ? random.pick(unknownCommands) : Viewer.numbers[name]
    // Nothing is left unread where the connection is closed: what was answered last would be lost with it.
    const whole = Viewer.request(number, isUnknown ? Commands.none : draws[name](random, known, point))
    const isCut = random.chance(0.2)
    const isLong = !isCut && random.chance(0.1)
    const bytes = isCut ? whole.subarray(0, random.below(whole.length)) : whole
    const more = isLong ? " and more" : ""
    s.note(`${isUnknown ? "unknown" : name} of 2.${minor}, ${point}: ${bytes.toString("hex")}${more}`)
    yield* viewer.send(isLong ? join(bytes, Buffer.alloc(1 + random.below(15))) : bytes)
    const isAnswered = !isCut && !isLong && !isUnknown
    if (isAnswered) yield* viewer.send(Viewer.request(Viewer.numbers.LIST))
    yield* viewer.end
    if (!isCut && !isUnknown) yield* viewer.reply(name)
    if (isAnswered) yield* viewer.reply("LIST")
    yield* viewer.closes("the rest")
  })

const viewerCount = 12

export const fromSeed = (seed: number): Scenario =>
  scenario(`odd requests, seed ${seed}`, function* (s) {
    const random = new Random(seed)
    for (let count = 0; count < viewerCount; count++) yield* ask(s, random, count)
  })

/** The answers; how many viewers a session has is not told, because of those that the reference believes in. */
export const comparable = (run: Run): ReadonlyArray<string> =>
  Live.comparable(run).transcript.map((line) => line.replaceAll(/ clients \d+/g, ""))
