/**
 * Many sessions at once, each with large packets of its own content, recorded on a disk and in memory, by any number of
 * threads: every byte is in its place, across the files of a ring and across trace chunks, and after a clear.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Target from "../../src/target/Target.ts"
import { defaultCount } from "../../src/thread/Writers.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Relays from "../support/relays.ts"

const path = "ust/uid/0/64-bit"
const sessionCount = 8
const packetCount = 40
/** After so many of each stream the session is cleared. */
const clearedCount = 7
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
        if (seq === clearedCount - 1) yield* session.clear
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
  ["on a disk", false, undefined],
  ["in memory", true, undefined],
  ["on a disk, written by the loop alone", false, 0],
  ["in memory, written by the loop alone", true, 0],
  ["on a disk, written by 2 threads too", false, 2],
  ["in memory, written by 3 threads too", true, 3]
] as const)(`${sessionCount} sessions with large packets at the same time, files %s`, ([, isInMemory, workers]) =>
  Effect.gen(function* () {
    const isOurs = Relays.underTest === "ours"
    const args = workers === undefined || !isOurs ? [] : [`--workers=${workers}`]
    const relay = yield* Relays.start(Relays.underTest, { isInMemory, args })
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    const target = yield* Target.make({ url, hostname: "host1" })
    const numbers = times(sessionCount, (number) => number)
    const packets = makePackets()
    const needsThread = isOurs && (workers ?? (isInMemory ? defaultCount() : 0)) > 0
    const threadCount = () => threads(relay.process.pid).filter((name) => name === "writer").length
    const hasThread = () => threadCount() > 0
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
        const sent = Buffer.concat(packets[number]?.[at]?.slice(clearedCount) ?? [])
        assert.isTrue(recorded(directory, channel).equals(sent), `session ${number}, ${channel}`)
      }
      assert.strictEqual(Babeltrace.assertIndexed(directory), 2 * (packetCount - clearedCount))
    }
    // While processors are short, the loop writes itself.
    const isShort = workers === undefined && waitingShare(relay.process.pid, started) > waitingShareMax
    if (needsThread && !isShort) assert.isTrue(hasThread(), "a thread that writes beside the loop was needed")
    if (isOurs) assert.isAtMost(threadCount(), workers ?? defaultCount())
  })
)
