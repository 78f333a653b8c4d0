/**
 * Does a relay grow with the sessions it has served? node test/endurance/soak.ts [SESSIONS] [--heap] [--edge]
 *
 * With --edge they come by an edge, and what is resident is the edge's.
 * With --heap: of what there is more on its heap at the end than halfway, by constructor. Nothing may be there once
 * more for each session. Directories of the last 4,096 tracing sessions and the last 1,000 log lines are remembered:
 * it takes 9,000 sessions to see that nothing else is.
 *
 * Sessions that stream packets, rotate and end, a few at a time; every so many one is cut off. The memory after each
 * share of them is the least that was seen while it lasted: what a collection left. The slope over the second half, for
 * 10,000 sessions, must stay below the bounds; the first half fills caches and compiles.
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import * as Target from "../../src/target/Target.ts"
import { setup } from "../support/bundle.ts"
import * as Edges from "../support/edges.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { streaming } from "../support/synthetic.ts"
import * as Heap from "./Heap.ts"

const mebibyte = 1024 * 1024
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { heap: { type: "boolean" }, edge: { type: "boolean" } }
})
const shareCount = 12
/** Sessions in a share: whole ones, and enough for some looks at the memory. */
const count = Math.max(100, Math.round(Number(positionals[0] ?? 24_000) / shareCount))
const concurrency = 4
/** Of 10,000 sessions; a session that stays costs some 10 KiB, all of them 100 MiB. */
const heapBytesMax = 1 * mebibyte
const residentBytesMax = 4 * mebibyte

const snapshotSignal = "SIGWINCH"
/** One in seven is cut off; the others do the same. */
const keptShareMax = 0.1

const startNs = 1_700_000_000_000_000_000n

const record = (target: Target.Target, number: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* target.session({ name: `s${number}` })
      const { stream, generator } = yield* streaming(session, 4096, startNs)
      for (let seq = 1; seq <= 4; seq++) {
        yield* stream.packet(generator.next(startNs + BigInt(seq) * 1000n))
        if (seq === 2 && number % 4 === 0) yield* session.rotate()
      }
      // Every so many are gone without a word.
      if (number % 7 !== 0) yield* session.close()
    })
  )

interface Memory {
  readonly heapBytes: number
  readonly residentBytes: number
}

const residentOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * 4096

const gauge = (text: string, name: string): number =>
  Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1])

/** The relay's heap, and what `pid` has resident. */
const memoryOf = (pid: number, httpPort: number) =>
  Effect.promise(async (): Promise<Memory> => {
    const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
    return { heapBytes: gauge(text, "lttng_relay_heap_bytes"), residentBytes: residentOf(pid) }
  })

/** Least squares: growth for each step of `values`. */
const slope = (values: ReadonlyArray<number>): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = (values.length - 1) / 2
  const rise = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  return rise / values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
}

/** Taken after a collection, by the runtime, when it hears the signal; answers the file. */
const snapshot = (relay: Relays.Relay, home: string) =>
  Effect.gen(function* () {
    const files = () => readdirSync(home).filter((name) => name.endsWith(".heapsnapshot"))
    const before = new Set(files())
    process.kill(relay.process.pid, snapshotSignal)
    const taken = () => files().find((name) => !before.has(name))
    let size = -1
    yield* Process.until(
      "the heap snapshot to be whole",
      () => {
        const file = taken()
        const now = file === undefined ? -1 : statSync(join(home, file)).size
        const isWhole = now > 0 && now === size
        size = now
        return isWhole
      },
      { everyMillis: 500, seconds: 60 }
    )
    return join(home, taken() ?? "")
  })

/** What is there more often by a share of the sessions is kept for each. */
const assertNotKept = (growth: ReadonlyArray<Heap.Growth>, sessions: number) => {
  for (const { byteCount, count, name } of growth.slice(0, 15)) {
    process.stdout.write(`  ${name}: ${count} more, ${(byteCount / 1024).toFixed(1)} KiB\n`)
  }
  const kept = growth.filter(({ count }) => count > sessions * keptShareMax)
  if (kept.length === 0) return
  process.stdout.write(`kept for sessions that are over: ${kept.map(({ name }) => name).join(", ")}\n`)
  process.exitCode = 1
}

const shown = (bytes: number) => (bytes / mebibyte).toFixed(1)

const program = Effect.scoped(
  Effect.gen(function* () {
    const httpPort = yield* Ports.free
    const args = [`--http-port=tcp://127.0.0.1:${httpPort}`]
    const heapOptions = values.heap === true ? ` --heapsnapshot-signal=${snapshotSignal}` : ""
    const env = { NODE_OPTIONS: `${process.env.RELAY_NODE_OPTIONS ?? ""}${heapOptions}` }
    const relay = yield* Relays.start("ours", { args, env, isInMemory: true })
    process.stdout.write(`relay ${relay.process.pid}\n`)
    const edge = values.edge === true ? yield* Edges.start(relay) : undefined
    const near = edge ?? relay
    const url = `net://127.0.0.1:${near.controlPort}:${near.dataPort}`
    const target = yield* Target.make({ url, hostname: "soak" })
    const shares: Array<Memory> = []
    const heaps: Array<ReadonlyMap<string, Heap.Kept>> = []
    for (let share = 0; share < shareCount; share++) {
      let least: Memory = { heapBytes: Number.POSITIVE_INFINITY, residentBytes: Number.POSITIVE_INFINITY }
      const numbers = Array.from({ length: count }, (_, at) => share * count + at)
      const one = (number: number) =>
        Effect.gen(function* () {
          yield* record(target, number)
          if (number % 20 !== 0) return
          const { heapBytes, residentBytes } = yield* memoryOf(near.process.pid, httpPort)
          least = {
            heapBytes: Math.min(least.heapBytes, heapBytes),
            residentBytes: Math.min(least.residentBytes, residentBytes)
          }
        })
      yield* Effect.forEach(numbers, one, { concurrency, discard: true })
      if (edge !== undefined) yield* Edges.forwarded(edge, 300)
      rmSync(join(relay.output, "soak"), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
      shares.push(least)
      const sessions = (share + 1) * count
      if (values.heap === true && (share + 1) % (shareCount / 2) === 0) {
        heaps.push(Heap.read(yield* snapshot(relay, dirname(relay.output))))
      }
      process.stdout.write(`${sessions}: heap ${shown(least.heapBytes)}, resident ${shown(least.residentBytes)} MiB\n`)
    }
    const half = shares.slice(shareCount / 2)
    const perTenThousand = 10_000 / count
    const heap = slope(half.map(({ heapBytes }) => heapBytes)) * perTenThousand
    const resident = slope(half.map(({ residentBytes }) => residentBytes)) * perTenThousand
    process.stdout.write(`for 10,000 sessions: heap ${shown(heap)}, resident ${shown(resident)} MiB\n`)
    const [halfway, end] = heaps
    if (halfway !== undefined && end !== undefined) assertNotKept(Heap.grown(halfway, end), (shareCount / 2) * count)
    // A snapshot takes memory of its own, and moves the collections.
    const isFlat = heap <= heapBytesMax && resident <= residentBytesMax
    if (values.heap !== true && !isFlat) process.exitCode = 1
  })
)

await setup()
await Effect.runPromise(program)
