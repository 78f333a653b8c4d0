/**
 * The power fails after every single operation on files, in scenarios that a target plays. Bytes that nobody synced are
 * kept, dropped, or torn. Then: what an answer promised is there, a repair makes the rest readable, and a relay that
 * starts over it records the next session beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Sync } from "../../src/model/Sync.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import { type Control, type PeerDouble, type Relay, withRelay } from "../connection/doubles.ts"
import * as Trees from "../recovery/trees.ts"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { until } from "../support/turns.ts"
import { PowerFiles, type Unsynced } from "./PowerFiles.ts"

const uuid = "5f2c1d6e-8a47-4b53-9d1e-0a6b7c8d9e0f"
const packetBytes = 300
const start = 1_700_000_000_000_000_000n

/** A target: what it has sent, and what it was promised. */
class Target {
  readonly c: Control
  readonly d: PeerDouble
  readonly handle: bigint
  readonly metadata: bigint
  readonly #generator = SyntheticTrace.generator(uuid, 0, packetBytes, start)
  /** Packets, in order. */
  sentCount = 0
  promisedCount = 0
  chunk = 0
  readonly sessionId: bigint

  constructor(c: Control, d: PeerDouble, sessionId: bigint, handle: bigint, metadata: bigint) {
    this.sessionId = sessionId
    this.c = c
    this.d = d
    this.handle = handle
    this.metadata = metadata
  }

  announce(): void {
    this.c.metadata(this.metadata, Buffer.from(SyntheticTrace.metadata(uuid)))
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
      const index = Commands.join(...numbers.map((number) => Commands.u64(number)))
      assert.strictEqual(yield* this.c.code("SEND_INDEX", index), 10)
    })
  }

  /** What `lttng stop` asks: nothing is pending, so everything sent is promised. */
  get settled(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.c.code("BEGIN_DATA_PENDING", Commands.u64(this.sessionId))
      let isPending = true
      while (isPending) {
        isPending = (yield* this.c.isPending(this.handle, this.sentCount - 1)) !== 0
        yield* this.c.code("QUIESCENT_CONTROL", Commands.u64(this.metadata))
        isPending ||= (yield* this.c.code("END_DATA_PENDING", Commands.u64(this.sessionId))) !== 0
      }
      this.promisedCount = this.sentCount
    })
  }

  get rotated(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const next = this.chunk + 1
      assert.strictEqual(yield* this.c.createChunk(next), 10)
      assert.strictEqual(
        yield* this.c.rotate(next, [
          [this.handle, this.sentCount],
          [this.metadata, 0]
        ]),
        10
      )
      this.announce()
      assert.strictEqual(yield* this.c.closeChunk(this.chunk, Commands.closeCommands.move), 10)
      this.chunk = next
    })
  }
}

type Scenario = (target: Target) => Effect.Effect<void>

const packets = (target: Target, count: number): Effect.Effect<void> =>
  Effect.repeat(
    Effect.suspend(() => target.packet()),
    { times: count - 1 }
  )

const scenarios: Readonly<Record<string, Scenario>> = {
  recording: (target) =>
    Effect.gen(function* () {
      yield* packets(target, 3)
      yield* target.settled
      yield* packets(target, 2)
    }),
  rotations: (target) =>
    Effect.gen(function* () {
      yield* packets(target, 2)
      yield* target.settled
      yield* target.rotated
      yield* packets(target, 2)
      yield* target.settled
      yield* target.rotated
      yield* packets(target, 1)
      yield* target.settled
    }),
  closing: (target) =>
    Effect.gen(function* () {
      yield* packets(target, 3)
      yield* target.settled
      assert.strictEqual(yield* target.c.closeStream(target.handle, target.sentCount - 1), 10)
      yield* target.c.closeStream(target.metadata, 0)
    })
}

const play = (relay: Relay, ring: number, scenario: Scenario, onTarget: (target: Target) => void) =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    const { id } = yield* c.session({ name: "s", sessionId: 1 })
    const files = { fileSize: ring, fileCount: ring > 0 ? 40 : 0 }
    const handle = yield* c.addStream({ channel: "ch_0", ...files })
    const metadata = yield* c.addStream({ channel: "metadata" })
    const target = new Target(c, d, id, handle, metadata)
    onTarget(target)
    target.announce()
    yield* scenario(target)
  })

/** Sequence numbers of the packets that can be read: in any chunk, with metadata beside them. */
const sequences = (files: Trees.Files): ReadonlySet<number> => {
  const found = new Set<number>()
  for (const [path, bytes] of files) {
    if (!/\/ch_0(_\d+)?$/.test(path) || !files.has(path.replace(/[^/]+$/, "metadata"))) continue
    for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
      found.add(Number(Buffer.from(bytes).readBigUInt64LE(at + 64)))
    }
  }
  return found
}

/** Under `none` an answer promises what a killed process leaves. */
const isPromised = (sync: Sync, unsynced: Unsynced): boolean => sync !== "none" || unsynced === "kept"

interface Crashed {
  readonly files: Trees.Files
  readonly promisedCount: number
  readonly unsynced: Unsynced
}

const assertRecovered = ({ files, promisedCount, unsynced }: Crashed): void => {
  const codes = Check.check(Trees.tree(files)).findings.map(({ code }) => code)
  if (unsynced === "kept") assert.notInclude(codes, "index-past-data", "no record points past what was written")
  const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
  assert.deepStrictEqual(failures, [])
  const left = report.findings.filter(({ severity }) => severity === "damage")
  assert.deepStrictEqual(left, [], "a repair leaves no damage")
  const found = sequences(files)
  const missing = Array.from({ length: promisedCount }, (_, seq) => seq).filter((seq) => !found.has(seq))
  assert.deepStrictEqual(missing, [], `of ${promisedCount} that were promised`)
}

/** A relay over what is left records, and leaves alone what was there. */
const assertGoesOn = (files: Trees.Files): Effect.Effect<void> =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    for (const [path, bytes] of files) if (!path.endsWith("/")) memory.write(`${output}/${path}`, bytes)
    yield* withRelay({ files: memory.service }, (relay) =>
      play(
        relay,
        0,
        (target) => Effect.andThen(packets(target, 3), target.settled),
        () => {}
      )
    )
    const after = new Map(
      memory.paths(output).map((path) => [path.slice(output.length + 1), memory.read(path) ?? Buffer.alloc(0)])
    )
    for (const [path, bytes] of files) {
      if (!path.endsWith("/")) assert.strictEqual(Buffer.compare(after.get(path) ?? Buffer.alloc(0), bytes), 0, path)
    }
    const added = new Map([...after].filter(([path]) => !files.has(path)))
    assert.deepStrictEqual([...sequences(added)], [0, 1, 2])
    assert.isFalse(Check.isDamaged(Check.check(Trees.tree(added))))
  })

interface Case {
  readonly sync: Sync
  readonly ring: number
  readonly scenario: Scenario
}

/** Of a process that was killed, and of one of the machines that lost their power. */
const waysOf = (stopsAt: number): ReadonlyArray<Unsynced> => {
  const lost = (["dropped", 0, 0.5, 1] as const)[stopsAt % 4]
  return lost === undefined ? ["kept"] : ["kept", lost]
}
/** Every so many operations another relay starts over what is left. */
const goesOnEvery = 7

/** How many operations there were. */
const crash = ({ ring, scenario, sync }: Case, stopsAt: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    const power = new PowerFiles()
    power.stopsAt = stopsAt
    let target: Target | undefined
    const crashed = yield* withRelay({ files: power.service, sync, syncsNames: sync !== "none" }, (relay) =>
      Effect.gen(function* () {
        const onTarget = (started: Target) => {
          target = started
        }
        const playing = yield* Effect.forkScoped(play(relay, ring, scenario, onTarget))
        yield* until("the end", () => power.isStopped || playing.pollUnsafe() !== undefined)
        const found: Array<Crashed> = []
        for (const unsynced of waysOf(stopsAt)) {
          const promisedCount = isPromised(sync, unsynced) ? (target?.promisedCount ?? 0) : 0
          found.push({ files: yield* power.left(output, unsynced), promisedCount, unsynced })
        }
        power.release()
        yield* Fiber.await(playing)
        return found
      })
    )
    if (stopsAt % goesOnEvery === 0) yield* assertGoesOn(new Map(crashed[0]?.files))
    for (const each of crashed) assertRecovered(each)
    return power.operationCount
  })

describe("when the power fails after any operation", () => {
  const cases = [
    ...(["none", "close"] as const).flatMap((sync) =>
      Object.keys(scenarios).map((name, at) => ({ sync, ring: at % 2 === 0 ? 0 : 2 * packetBytes, name }))
    ),
    { sync: "always", ring: 2 * packetBytes, name: "recording" } as const
  ]
  it.live.each(cases)("$name, ring of $ring, --sync=$sync: what was promised is there", ({ name, ring, sync }) =>
    Effect.gen(function* () {
      const played = { sync, ring, scenario: scenarios[name] as Scenario }
      const operationCount = yield* crash(played, Number.POSITIVE_INFINITY)
      assert.isAbove(operationCount, 10)
      for (let stopsAt = 1; stopsAt < operationCount; stopsAt++) yield* crash(played, stopsAt)
    })
  )
})
