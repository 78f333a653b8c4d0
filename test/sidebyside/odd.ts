/**
 * Commands that no tracer sends, drawn from a seed: in each of a few sessions of any version some packets, then one
 * command that is cut short, is too long, or names what there is not, then one that must be answered if the connection
 * is still there. What comes back up to the end of the connection is the transcript.
 */
import { Random } from "../support/Random.ts"
import * as Commands from "./commands.ts"
import { type Scenario, scenario } from "./scenario.ts"

const { join, noSeq, u32, u64 } = Commands

/** What there is, for payloads that are nearly right. */
interface Known {
  readonly stream: bigint
  readonly metadata: bigint
  readonly session: bigint
  readonly minor: number
  readonly packetCount: number
}

type Draw = (random: Random, known: Known) => Uint8Array

const numbers = [0n, 1n, 2n, 99n, 2n ** 32n, 2n ** 63n, noSeq]

const streamOf = (random: Random, { stream }: Known) => (random.chance(0.6) ? stream : random.pick([0n, 999n, noSeq]))
const number = (random: Random) => u64(random.pick(numbers))

const numbered: Draw = (random, known) => join(u64(streamOf(random, known)), number(random))
const ofSession: Draw = (random, { session }) => u64(random.pick([session, 0n, 999n, noSeq]))

const draws: Partial<Record<Commands.Name, Draw>> = {
  START_DATA: (random) => Buffer.alloc(random.below(20)),
  VERSION: (random, { minor }) => join(u32(random.pick([0, 1, 3, 0xffffffff])), u32(minor)),
  CLOSE_STREAM: numbered,
  DATA_PENDING: numbered,
  QUIESCENT_CONTROL: (random, known) => u64(streamOf(random, known)),
  BEGIN_DATA_PENDING: ofSession,
  END_DATA_PENDING: ofSession,
  SEND_INDEX: (random, known) => {
    const seq = random.pick([known.packetCount, known.packetCount + 1])
    const bytes = random.pick([0, 16, 4096])
    return Commands.sendIndex(known.minor, streamOf(random, known), { seq, bytes })
  },
  SEND_METADATA: (random, { metadata }) =>
    join(u64(random.pick([metadata, 999n, noSeq])), u32(random.below(9)), Buffer.alloc(random.below(40), "m")),
  RESET_METADATA: (random, { metadata, stream }) => join(u64(random.pick([metadata, stream, 999n])), number(random)),
  CREATE_TRACE_CHUNK: (random) => Commands.createTraceChunk(random.pick([0, 1, 5]), Commands.start + 1),
  TRACE_CHUNK_EXISTS: (random) => u64(random.pick([0n, 1n, 5n])),
  CLOSE_TRACE_CHUNK: (random) =>
    Commands.closeChunk(random.pick([1, 5]), Commands.start + 9, random.pick([undefined, 0, 1, 2, 3])),
  ROTATE_STREAMS: (random, known) =>
    Commands.rotateStreams(random.pick([undefined, 1, 5]), [[streamOf(random, known), known.packetCount]]),
  GET_CONFIGURATION: (random) => u64(random.pick([0n, 1n, 2n, noSeq]))
}

const names = Object.keys(draws) as ReadonlyArray<Commands.Name>

/** Whole, most of the time. */
const cut = (random: Random, payload: Uint8Array): Uint8Array =>
  random.chance(0.7) ? payload : payload.subarray(0, random.below(payload.length))

const minors = [4, 7, 8, 10, 11, 12, 13, 13]
const sessionCount = 12

export const fromSeed = (seed: number): Scenario =>
  scenario(`odd commands, seed ${seed}`, function* (s) {
    const random = new Random(seed)
    for (let count = 0; count < sessionCount; count++) {
      const minor = random.pick(minors)
      const name = `n${count}`
      const path = minor < 11 ? `/h/${name}-20200101-101010/ust/uid/0/64-bit` : "ust/uid/0/64-bit"
      const { c, d, session } = yield* s.recording({ name, minor })
      const channel = `ch${count}`
      const stream = yield* c.addStream({ channel, path })
      const metadata = yield* c.addStream({ channel: "metadata", path })
      yield* c.streamsSent
      const packetCount = random.below(3)
      for (let seq = 0; seq < packetCount; seq++) {
        yield* d.packet(stream, seq)
        yield* s.totalBytes(channel, (seq + 1) * 16)
        yield* c.index(stream, { seq })
      }
      const command = random.pick(names)
      const draw = draws[command]
      const known = { stream, metadata, session: session.id, minor, packetCount }
      const payload = cut(random, draw?.(random, known) ?? Commands.none)
      s.note(`${command} of 2.${minor}: ${Buffer.from(payload).toString("hex")}`)
      yield* c.raw(Commands.message(Commands.numbers[command], payload))
      yield* c.raw(Commands.message(Commands.numbers.START_DATA, Commands.none))
      yield* c.end
      yield* c.closes(command)
      yield* d.close
    }
  })
