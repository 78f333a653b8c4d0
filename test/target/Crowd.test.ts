/**
 * Many sessions at once, each with large packets of its own content, recorded on a disk and in memory: every byte is in
 * its place, across the files of a ring and across trace chunks.
 */
import { readdirSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Target from "../../src/target/Target.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Relays from "../support/relays.ts"

const path = "ust/uid/0/64-bit"
const sessionCount = 8
const packetCount = 40
const crowdCountMax = 8
const waitingShareMax = 0.05
/** Around what counts as large, as one read, as one write. */
const sizes = [131_072, 20_000, 700_000, 65_536, 300, 262_144, 32_768, 180_000]

/** Tells session, stream and place of every part. */
const makePacket = (session: number, stream: number, seq: number): Buffer => {
  const words = new Uint32Array((sizes[(seq + stream) % sizes.length] as number) / 4)
  for (let at = 0; at < words.length; at++) words[at] = (session << 28) ^ (stream << 26) ^ (seq << 18) ^ at
  return Buffer.from(words.buffer)
}

/** By session, stream and sequence number; made before anything is sent, so that much is sent at once. */
type Packets = ReadonlyArray<ReadonlyArray<ReadonlyArray<Buffer>>>

const times = <A>(count: number, make: (at: number) => A) => Array.from({ length: count }, (_, at) => make(at))
const makePackets = (): Packets =>
  times(sessionCount, (session) => times(2, (stream) => times(packetCount, (seq) => makePacket(session, stream, seq))))

const record = (target: Target.Target, packets: Packets, number: number, name: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* target.session({ name })
      const plain = yield* session.stream({ path, channel: "plain" })
      const ring = yield* session.stream({ path, channel: "ring", tracefileSize: 4_000_000n, tracefileCount: 100n })
      yield* session.publish
      for (let seq = 0; seq < packetCount; seq++) {
        for (const [at, stream] of [plain, ring].entries()) {
          const timestamp = BigInt(seq)
          const bytes = packets[number]?.[at]?.[seq] as Buffer
          yield* stream.packet({ bytes, timestampBegin: timestamp, timestampEnd: timestamp })
        }
        if (seq === packetCount / 2) yield* session.rotate()
      }
      yield* session.close()
    })
  )

/** What the files of one stream hold, in the order in which they were written. */
const recorded = (directory: string, channel: string) =>
  Buffer.concat(
    readdirSync(join(directory, "archives"))
      .sort((one, two) => Number(one.split("-").at(-1)) - Number(two.split("-").at(-1)))
      .flatMap((chunk) => {
        const at = join(directory, "archives", chunk, path)
        const names = readdirSync(at).filter((name) => name === channel || name.startsWith(`${channel}_`))
        const numberOf = (name: string) => Number(name.slice(channel.length + 1))
        return names.sort((one, two) => numberOf(one) - numberOf(two)).map((name) => readFileSync(join(at, name)))
      })
  )

/** Share of the time since `started` for which the process waited for a processor; 0 where the kernel does not say. */
const waitingShare = (pid: number, started: number): number => {
  try {
    const [, waitedNanos] = readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")
    return Number(waitedNanos) / 1e6 / (performance.now() - started)
  } catch {
    return 0
  }
}

const threads = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/comm`, "utf8").trim())

it.live.each([
  ["on a disk", false],
  ["in memory", true]
] as const)(`${sessionCount} sessions with large packets at the same time, files %s`, ([, isInMemory]) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start(Relays.underTest, { isInMemory })
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    const target = yield* Target.make({ url, hostname: "host1" })
    const numbers = times(sessionCount, (number) => number)
    const packets = makePackets()
    const needsThread = isInMemory && relay.kind === "ours" && availableParallelism() > 1
    const hasThread = () => threads(relay.process.pid).includes("writer")
    const started = performance.now()
    let crowd = 0
    // Sessions that are never at it in the same turn leave it to the loop: then they try again.
    do {
      crowd++
      yield* Effect.forEach(numbers, (number) => record(target, packets, number, `s${crowd}-${number}`), {
        concurrency: "unbounded",
        discard: true
      })
    } while (needsThread && !hasThread() && crowd < crowdCountMax)
    for (const number of numbers) {
      const directory = Babeltrace.sessionDirectory(relay.output, `s${crowd}-${number}`)
      for (const [at, channel] of ["plain", "ring"].entries()) {
        const sent = Buffer.concat(packets[number]?.[at] ?? [])
        assert.isTrue(recorded(directory, channel).equals(sent), `session ${number}, ${channel}`)
      }
      assert.strictEqual(Babeltrace.assertIndexed(directory), 2 * packetCount)
    }
    // While processors are short, the loop writes itself.
    const isShort = waitingShare(relay.process.pid, started) > waitingShareMax
    if (needsThread && !isShort) assert.isTrue(hasThread(), "the thread that writes beside the loop was needed")
  })
)
