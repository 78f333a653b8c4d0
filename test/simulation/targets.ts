/** What targets do to a relay, with a record of what they were promised: scenarios for disks that fail. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import type { Control, PeerDouble, Relay } from "../connection/doubles.ts"
import type * as Trees from "../recovery/trees.ts"
import * as Commands from "../sidebyside/commands.ts"

/** Each writes a trace of its own. */
const uuidOf = (channel: string): string =>
  `5f2c1d6e-8a47-4b53-9d1e-${Buffer.from(channel.padEnd(6)).toString("hex", 0, 6)}`
const packetBytes = 300
const start = 1_700_000_000_000_000_000n

const accepted: ReadonlyArray<number> = [10]
const pendingOrNot: ReadonlyArray<number> = [0, 1]

/** An assertion is made where it fails: those of every packet take as long as the relay. */
const answered = (answer: number, command: string, expected: ReadonlyArray<number>): void => {
  if (!expected.includes(answer)) assert.include(expected, answer, command)
}

/** A target: what it has sent, and what it was promised. */
export class Target {
  readonly c: Control
  readonly d: PeerDouble
  readonly channel: string
  readonly handle: bigint
  readonly metadata: bigint
  readonly sessionId: bigint
  readonly #generator: SyntheticTrace.Generator
  /** Packets, in order. */
  sentCount = 0
  promisedCount = 0
  /** Those before it were to be deleted. */
  clearedCount = 0
  chunk = 0

  constructor(c: Control, d: PeerDouble, channel: string, sessionId: bigint, handle: bigint, metadata: bigint) {
    this.sessionId = sessionId
    this.channel = channel
    this.c = c
    this.d = d
    this.handle = handle
    this.metadata = metadata
    this.#generator = SyntheticTrace.generator(uuidOf(channel), 0, packetBytes, start)
  }

  announce(): void {
    this.c.metadata(this.metadata, Buffer.from(SyntheticTrace.metadata(uuidOf(this.channel))))
  }

  packet(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const seq = this.sentCount++
      const { bytes, paddingBytes, timestampBegin, timestampEnd } = this.#generator.next(
        start + BigInt(seq + 1) * 1000n
      )
      this.d.deliver(Commands.join(Commands.packetHeader(this.handle, seq, bytes.length, paddingBytes ?? 0), bytes))
      const bits: ReadonlyArray<number> = [packetBytes * 8, bytes.length * 8]
      const numbers = [this.handle, seq, ...bits, timestampBegin, timestampEnd, 0, 0, 0, seq]
      const fields = this.c.minor < 8 ? numbers.slice(0, 8) : numbers
      const index = Commands.join(...fields.map((number) => Commands.u64(number)))
      answered(yield* this.c.code("SEND_INDEX", index), "SEND_INDEX", accepted)
    })
  }

  packets(count: number): Effect.Effect<void> {
    return Effect.repeat(
      Effect.suspend(() => this.packet()),
      { times: count - 1 }
    )
  }

  /** What `lttng stop` asks: nothing is pending, so everything sent is promised. */
  get settled(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.c.code("BEGIN_DATA_PENDING", Commands.u64(this.sessionId))
      let isPending = true
      while (isPending) {
        const answer = yield* this.c.isPending(this.handle, this.sentCount - 1)
        answered(answer, "DATA_PENDING", pendingOrNot)
        yield* this.c.code("QUIESCENT_CONTROL", Commands.u64(this.metadata))
        const last = yield* this.c.code("END_DATA_PENDING", Commands.u64(this.sessionId))
        answered(last, "END_DATA_PENDING", pendingOrNot)
        isPending = answer + last > 0
      }
      this.promisedCount = this.sentCount
    })
  }

  /** The next chunk begins with the packet that is so many ahead of, or behind, the next one. */
  rotated(ahead = 0, close: number = Commands.closeCommands.move, pauseMillis = 0): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const next = this.chunk + 1
      assert.strictEqual(yield* this.c.createChunk(next), 10)
      const positions = [[this.handle, this.sentCount + ahead] as const, [this.metadata, 0] as const]
      assert.strictEqual(yield* this.c.rotate(next, positions), 10)
      this.announce()
      if (pauseMillis > 0) yield* Effect.sleep(pauseMillis)
      if (close === Commands.closeCommands.delete) this.clearedCount = this.sentCount
      assert.strictEqual(yield* this.c.closeChunk(this.chunk, close), 10)
      this.chunk = next
    })
  }

  /** Between two points of rest; which of both is asked at the first. */
  rotatedOrCleared(ahead: number, isCleared: () => boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.settled
      if (isCleared()) yield* this.rotated(0, Commands.closeCommands.delete)
      else {
        yield* this.rotated(ahead)
        yield* this.packets(3)
      }
      yield* this.settled
    })
  }

  get beacon(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const index = { seq: Commands.noSeq, bytes: 0, end: Number(start) }
      assert.strictEqual(yield* this.c.index(this.handle, index), 10)
    })
  }

  get closed(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      assert.strictEqual(yield* this.c.closeStream(this.handle, this.sentCount - 1), 10)
      assert.strictEqual(yield* this.c.closeStream(this.metadata, 0), 10)
    })
  }
}

export interface Scenario {
  /** Of the protocol. */
  readonly minor?: number
  readonly session?: Commands.Session
  /** Sessions of one tracing session: they share their chunks. */
  readonly targetCount?: number
  /** Bytes of the files of a ring; 0: one file. */
  readonly ring?: number
  readonly play: (first: Target, second: Target) => Effect.Effect<void>
}

const ring = 2 * packetBytes

export const scenarios: Readonly<Record<string, Scenario>> = {
  recording: {
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(3)
        yield* target.settled
        yield* target.packets(2)
      })
  },
  ring: {
    ring,
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(5)
        yield* target.settled
      })
  },
  rotations: {
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.settled
        yield* target.rotated()
        yield* target.packets(2)
        yield* target.settled
        yield* target.rotated()
        yield* target.packets(1)
        yield* target.settled
      })
  },
  "rotation ahead of packets": {
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.rotated(2)
        yield* target.packets(4)
        yield* target.settled
      })
  },
  "rotation behind packets, in a ring": {
    ring,
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(4)
        yield* target.settled
        yield* target.rotated(-1)
        yield* target.packets(2)
        yield* target.settled
      })
  },
  clear: {
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.settled
        yield* target.rotated(0, Commands.closeCommands.delete)
        yield* target.packets(2)
        yield* target.settled
      })
  },
  snapshot: {
    session: { snapshot: true },
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.settled
        yield* target.closed
        assert.strictEqual(yield* target.c.closeChunk(0), 10)
      })
  },
  live: {
    session: { liveTimer: 1_000_000 },
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.beacon
        yield* target.packets(1)
        yield* target.settled
        yield* target.beacon
      })
  },
  "two sessions": {
    targetCount: 2,
    play: (first, second) =>
      Effect.gen(function* () {
        yield* first.packets(2)
        yield* second.packets(1)
        yield* first.settled
        yield* second.packets(2)
        yield* second.settled
        yield* first.packets(1)
        yield* first.closed
        yield* second.settled
      })
  },
  closing: {
    ring,
    play: (target) =>
      Effect.gen(function* () {
        yield* target.packets(3)
        yield* target.settled
        yield* target.closed
      })
  }
}

/** Plays to the end, or to where an answer is not the one of a relay whose disk works. */
export const play = (relay: Relay, scenario: Scenario, onTarget: (target: Target) => void, name = "s") =>
  Effect.gen(function* () {
    const targets: Array<Target> = []
    for (let at = 0; at < (scenario.targetCount ?? 1); at++) {
      const c = yield* relay.control
      const d = yield* relay.data
      const { id } = yield* c.session({ name, sessionId: 1, ...scenario.session }, scenario.minor)
      const size = scenario.ring ?? 0
      const channel = `ch_${at}`
      // Before 2.11 the target says where in the output directory.
      const place = c.minor < 11 ? `h/${name}-20231114-221320/` : ""
      const path = `${place}ust/uid/${at}/64-bit`
      const handle = yield* c.addStream({ channel, path, fileSize: size, fileCount: size > 0 ? 40 : 0 })
      const metadata = yield* c.addStream({ channel: "metadata", path })
      const target = new Target(c, d, channel, id, handle, metadata)
      onTarget(target)
      assert.strictEqual(yield* c.code("STREAMS_SENT", Commands.none), 10)
      target.announce()
      targets.push(target)
    }
    const [first, second] = targets as [Target, Target]
    yield* scenario.play(first, second)
  })

/** Sequence numbers of the packets of a channel that can be read: in any chunk, with metadata beside them. */
export const sequences = (files: Trees.Files, channel: string): ReadonlySet<number> => {
  const found = new Set<number>()
  const name = new RegExp(`/${channel}(_\\d+)?$`)
  for (const [path, bytes] of files) {
    if (!name.test(path) || !files.has(path.replace(/[^/]+$/, "metadata"))) continue
    for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
      found.add(Number(Buffer.from(bytes).readBigUInt64LE(at + 64)))
    }
  }
  return found
}

/** What was promised and is not there. */
export const missing = (
  files: Trees.Files,
  { channel, clearedCount, promisedCount }: Target
): ReadonlyArray<number> => {
  const found = sequences(files, channel)
  return Array.from({ length: promisedCount }, (_, seq) => seq).filter((seq) => seq >= clearedCount && !found.has(seq))
}
