/**
 * `npm run bench -- hostile`: what targets notice of hostile clients of the operator's HTTP port. Answer times of one
 * relay with and without them, in turn, and with the same clients at another relay, which has nothing else to do: that
 * much is the machine's, which gives its processors to them.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as readline from "node:readline"
import { Effect, type Scope } from "effect"
import type { Group } from "./Case.ts"
import * as Generator from "./Generator.ts"
import * as Link from "./Link.ts"
import * as Load from "./load.ts"
import { scratch } from "./Measure.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"
import * as Relay from "./Relay.ts"

const clientCount = 200
const settleMillis = 1500

const loads: Readonly<Record<string, Group>> = {
  "1 × 4 KiB": { label: "busy", role: "produce", sessions: 1, packetSize: 4096, ring: [16_777_216, 2] },
  "8 × 4 × 128 KiB": {
    ...{ label: "busy", role: "produce", sessions: 8, streams: 4, packetSize: 131_072, ring: [16_777_216, 2] }
  }
}

const kinds = ["held", "new"] as const
const places = ["this relay", "another"] as const

interface Way {
  readonly name: string
  readonly clients?: { readonly kind: (typeof kinds)[number]; readonly at: (typeof places)[number] }
}

const ways: ReadonlyArray<Way> = [
  { name: "alone" },
  ...kinds.flatMap((kind) => places.map((at) => ({ name: `${kind}, at ${at}`, clients: { kind, at } })))
]

/** Once all of them have begun. */
const hostile = (...args: ReadonlyArray<string>): Effect.Effect<void, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const { child } = yield* Process.spawn(process.execPath, [Place.program("HostileProgram"), ...args], {
      stdin: "pipe"
    })
    const lines = readline.createInterface({ input: child.stdout as NodeJS.ReadableStream })
    yield* Effect.promise(() => new Promise<void>((resolve) => lines.once("line", () => resolve())))
  })

interface Result {
  readonly p50: number
  readonly p99: number
  readonly rate: number
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const line = (name: string, own: ReadonlyArray<Result>, alone: ReadonlyArray<Result>): string => {
  const of = (key: keyof Result) => median(own.map((result) => result[key]))
  const ratio = median(own.map(({ p99 }, round) => p99 / (alone[round]?.p99 ?? Number.NaN)))
  return `| ${name} | ${of("p50").toFixed(0)} | ${of("p99").toFixed(0)} | ${ratio.toFixed(2)}x | ${of("rate").toFixed(0)} |`
}

const measure = (seconds: number, rounds: number, wanted: string) =>
  Effect.gen(function* () {
    const folder = yield* scratch(Place.memory)
    const generator = yield* Generator.build(folder)
    const [httpPort = 0, elsewhere = 0] = yield* Process.freePorts(2)
    const others = { reference: undefined, running: undefined }
    const start = (port: number) => {
      const own = path.join(folder, String(port))
      fs.mkdirSync(own)
      const args = [`--http-port=tcp://127.0.0.1:${port}`]
      return Relay.start({ kind: "ours", others, generator, output: own, scratch: own, args })
    }
    const { ports } = yield* start(httpPort)
    yield* start(elsewhere)
    const once = (group: Group, { clients }: Way) =>
      Effect.gen(function* () {
        if (clients !== undefined) {
          const port = clients.at === "this relay" ? httpPort : elsewhere
          yield* hostile(String(port), String(clientCount), clients.kind)
          yield* Effect.sleep(settleMillis)
        }
        const load: Load.Load = { generator, groups: [group], seconds, drainSeconds: 10 }
        const [{ groups }] = yield* Load.run(load, Link.none(ports), Effect.void)
        const [report] = groups
        const { p50 = 0, p99 = 0 } = report?.latency ?? {}
        return { p50, p99, rate: (report?.packets ?? 0) / seconds } satisfies Result
      }).pipe(Effect.scoped)
    const lines: Array<string> = []
    for (const [name, group] of Object.entries(loads).filter(([name]) => name.startsWith(wanted))) {
      const results = new Map<Way, Array<Result>>(ways.map((way) => [way, []]))
      yield* once(group, ways[0] as Way)
      for (let round = 0; round < rounds; round++) {
        for (const at of ways.keys()) {
          const way = ways[(at + round) % ways.length] as Way
          results.get(way)?.push(yield* once(group, way))
        }
      }
      const alone = results.get(ways[0] as Way) ?? []
      lines.push(`| ${name} | p50 µs | p99 µs | p99, to alone | packets/s |`, "| --- | ---: | ---: | ---: | ---: |")
      for (const [way, own] of results) lines.push(line(way.name, own, alone))
      lines.push("")
    }
    return lines.join("\n")
  }).pipe(Effect.scoped)

/** `wanted`: how the load's name begins. */
export const run = async (seconds: number, rounds: number, wanted: string): Promise<void> => {
  process.stdout.write(`${await Effect.runPromise(measure(seconds, rounds, wanted))}\n`)
}
