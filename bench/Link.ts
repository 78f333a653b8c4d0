/**
 * A slow network around a relay: ports that lead to it through a link, by a proxy of ours or by the kernel.
 */
import * as readline from "node:readline"
import { Effect, type Scope } from "effect"
import type * as Case from "./Case.ts"
import type { Told } from "./LinkProgram.ts"
import * as Namespace from "./Namespace.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"

export const ways = ["proxy", "kernel"] as const
export type Way = (typeof ways)[number]

/** Where somebody dials a relay: its own ports, or those of a link that leads to it. */
export interface Ports {
  readonly host: string
  readonly control: number
  readonly data: number
  readonly live: number
}

export interface Linked {
  readonly ports: Ports
  /** The proxy, whose processor time is nobody else's. */
  readonly running: Process.Running | undefined
  /** What stands before the relay and works for it: its processor time is the relay's. */
  readonly far?: Process.Running | undefined
  readonly begin: Effect.Effect<void, Process.CannotRun, Scope.Scope>
  /** Before a command, so that it runs at the far end of the link. */
  readonly prefix: ReadonlyArray<string>
}

/** No link at all. */
export const none = (ports: Ports): Linked => ({ ports, running: undefined, begin: Effect.void, prefix: [] })

export const missing = (link: Case.Link, way: Way): string | undefined =>
  way === "kernel" ? Namespace.missing(link) : undefined

/** Who dials one address only: of a relay elsewhere all ports are carried. */
const carried = ({ between = "targets" }: Case.Link, { host }: Ports): ReadonlyArray<"control" | "data" | "live"> => {
  if (host !== "127.0.0.1") return ["control", "data", "live"]
  if (between === "viewers") return ["live"]
  return between === "targets" ? ["control", "data"] : ["control", "data", "live"]
}

export const proxy = (link: Case.Link, ports: Ports): Effect.Effect<Linked, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const to = Object.fromEntries(carried(link, ports).map((name) => [name, { host: ports.host, port: ports[name] }]))
    const told: Told = { link, to }
    const args = [Place.program("LinkProgram"), JSON.stringify(told)]
    const running = yield* Process.spawn(process.execPath, args, { stdin: "pipe" })
    const lines = readline.createInterface({ input: running.child.stdout as NodeJS.ReadableStream })
    const first = yield* Effect.promise(() => lines[Symbol.asyncIterator]().next())
    if (first.done === true) return yield* new Process.CannotRun({ reason: `the link ended: ${running.complaint()}` })
    return {
      ports: { ...ports, ...(JSON.parse(first.value) as Partial<Ports>), host: "127.0.0.1" },
      running,
      begin: Effect.sync(() => void running.child.stdin?.write("go\n")),
      prefix: []
    }
  })

/** Everybody is at the far end of the kernel's link: `between` has no say. */
export const kernel = (namespace: Namespace.Namespace, ports: Ports): Linked => ({
  ports,
  running: undefined,
  begin: namespace.begin,
  prefix: ["ip", "netns", "exec", namespace.name]
})
