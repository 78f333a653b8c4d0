/**
 * Runs one load with the generator.
 *
 * `run` sets everything up, takes the caller's `before` measurement, lets the generator go, and hands back its report.
 */
import * as readline from "node:readline"
import { Effect, Schema, type Scope } from "effect"
import type { Group } from "./Case.ts"
import type { Generator } from "./Generator.ts"
import type { Linked } from "./Link.ts"
import * as Process from "./Process.ts"

const Latency = Schema.Struct({
  count: Schema.Finite,
  p50: Schema.Finite,
  p99: Schema.Finite,
  max: Schema.Finite
})

const GroupReport = Schema.Struct({
  label: Schema.String,
  sessions: Schema.Finite,
  packetSize: Schema.Finite,
  packets: Schema.Finite,
  fewest: Schema.Finite,
  most: Schema.Finite,
  seconds: Schema.Finite,
  finished: Schema.Finite,
  drained: Schema.Finite,
  behind: Schema.Finite,
  errors: Schema.Finite,
  error: Schema.String,
  windowSeconds: Schema.Finite,
  latency: Latency,
  window: Latency,
  /** Packets and worst latency in microseconds, per tenth of a second. */
  timeline: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))
})
export type GroupReport = typeof GroupReport.Type

const Report = Schema.Struct({
  event: Schema.Literal("report"),
  cpuSeconds: Schema.Finite,
  groups: Schema.Array(GroupReport)
})
export type Report = typeof Report.Type

const hostOf = (group: Group) => group.host ?? "bench"

/** One line of settings per group; a group with a host per session becomes that many groups of one. */
const settings = (group: Group): ReadonlyArray<string> => {
  const one = (label: string, sessions: number, host: string) => {
    const values: Record<string, string | number | undefined> = {
      role: group.role,
      label,
      sessions,
      host,
      streams: group.streams,
      packetSize: group.packetSize,
      inFlight: group.inFlight,
      rate: group.rate,
      packetLimit: group.packetLimit,
      ringSize: group.ring?.[0],
      ringCount: group.ring?.[1],
      liveMicros: group.liveMicros,
      intervalMs: group.intervalMs,
      of: group.of,
      windowFrom: group.windowMs?.[0],
      windowTo: group.windowMs?.[1]
    }
    const pairs = Object.entries(values).filter(([, value]) => value !== undefined)
    return ["--", ...pairs.map(([key, value]) => `${key}=${value}`)]
  }
  if (group.hostPerSession !== true) return one(group.label, group.sessions, hostOf(group))
  return Array.from({ length: group.sessions }, (_, index) =>
    one(`${group.label}-${index}`, 1, `${hostOf(group)}-${index}`)
  ).flat()
}

export interface Load {
  readonly generator: Generator
  readonly groups: ReadonlyArray<Group>
  readonly seconds: number
  readonly drainSeconds: number
}

/** `go` runs at the moment the load starts; what it returns is alive until the report. */
export const run = <A>(
  load: Load,
  { ports, prefix }: Linked,
  go: Effect.Effect<A, Process.CannotRun, Scope.Scope>
): Effect.Effect<readonly [Report, A], Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const [command = "", ...args] = [...prefix, ...load.generator.command]
    const running = yield* Process.spawn(
      command,
      [
        ...args,
        "run",
        `address=${ports.host}`,
        `control=${ports.control}`,
        `data=${ports.data}`,
        `live=${ports.live}`,
        `runMs=${Math.round(load.seconds * 1000)}`,
        `drainMs=${Math.round(load.drainSeconds * 1000)}`,
        ...load.generator.settings,
        ...load.groups.flatMap(settings)
      ],
      { stdin: "pipe" }
    )
    const lines = readline.createInterface({ input: running.child.stdout as NodeJS.ReadableStream })
    const next = lines[Symbol.asyncIterator]()
    const line = Effect.promise(async () => {
      const result = await next.next()
      return result.done === true ? undefined : result.value
    })
    const ended = (phase: string) =>
      new Process.CannotRun({ reason: `the load generator ended ${phase}: ${running.complaint()}` })
    if ((yield* line) === undefined) return yield* ended("while connecting")
    const beside = yield* go
    running.child.stdin?.write("go\n")
    const report = yield* line
    if (report === undefined) return yield* ended("during the run")
    return [Schema.decodeUnknownSync(Report)(JSON.parse(report)), beside] as const
  })
