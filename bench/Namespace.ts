/**
 * The kernel's own slow network: a network namespace whose only way out is a pair of interfaces, with a token bucket on
 * both. Needs root. The relay is outside of it, whoever is to be slow is inside.
 */
import { spawnSync } from "node:child_process"
import { Effect, type Scope } from "effect"
import type * as Case from "./Case.ts"
import * as Process from "./Process.ts"

export interface Namespace {
  readonly name: string
  /** Of the relay, as those inside see it. */
  readonly relayAddress: string
  /** Of those inside. */
  readonly insideAddress: string
  /** Nothing is carried meanwhile: the interface inside is down. */
  readonly cut: (millis: number) => Effect.Effect<void, Process.CannotRun>
  /** From now on the link has its conditions, and its outages are counted. */
  readonly begin: Effect.Effect<void, Process.CannotRun, Scope.Scope>
}

/** The reason there can be none here, if there is one. */
export const missing = (link: Case.Link): string | undefined => {
  const absent = ["ip", "tc"].filter((tool) => !Process.has(tool))
  if (absent.length > 0) return `${absent.join(", ")} not installed`
  if (process.getuid?.() !== 0) return "a network namespace needs root"
  if (spawnSync("unshare", ["--net", "true"]).status !== 0) return "network namespaces are not allowed here"
  if (link.segmentBytes !== undefined || link.cut !== undefined) return "the kernel's link neither cuts nor segments"
  const isDelayed = (link.rttMs ?? 0) + (link.jitterMs ?? 0) > 0
  return isDelayed && !hasNetem() ? "this kernel has no netem, which a round-trip time needs" : undefined
}

const hasNetem = () =>
  spawnSync("unshare", ["--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]).status === 0

const expect = (command: string, args: ReadonlyArray<string>) =>
  Effect.flatMap(Process.run(command, args), ({ code, output }) =>
    code === 0
      ? Effect.void
      : Effect.fail(new Process.CannotRun({ reason: `${[command, ...args].join(" ")}: ${oneLine(output)}` }))
  )

const oneLine = (text: string) => text.trim().replaceAll(/\s+/g, " ")

/** As much as may leave at once: what comes between two ticks of a kernel's clock, or the rate is not reached. */
const burstBytes = (bitsPerSecond: number): number => Math.max(4000, Math.round(bitsPerSecond / 8 / 250))

/** What `tc` is told of one interface, one queue inside the other. */
const shapes = ({ bitsPerSecond, jitterMs = 0, rttMs = 0 }: Case.Link): ReadonlyArray<ReadonlyArray<string>> => {
  const [delay, jitter] = [`${rttMs * 500}us`, `${jitterMs * 500}us`]
  const netem = ["netem", "delay", delay, ...(jitterMs > 0 ? [jitter] : []), "limit", "100000"]
  const tbf = ["tbf", "rate", `${bitsPerSecond}bit`, "burst", `${burstBytes(bitsPerSecond ?? 0)}b`, "latency", "100ms"]
  return [...(bitsPerSecond === undefined ? [] : [tbf]), ...(rttMs + jitterMs > 0 ? [netem] : [])]
}

export const make = (link: Case.Link): Effect.Effect<Namespace, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const tag = process.pid % 30_000
    const name = `bench-${tag}`
    const [outside, inside] = [`bo${tag}`, `bi${tag}`]
    const subnet = `10.${200 + (Math.floor(tag / 250) % 50)}.${tag % 250}`
    yield* Effect.acquireRelease(expect("ip", ["netns", "add", name]), () => Process.run("ip", ["netns", "del", name]))
    const within = (...args: ReadonlyArray<string>) => expect("ip", ["netns", "exec", name, ...args])
    yield* expect("ip", ["link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name])
    yield* expect("ip", ["addr", "add", `${subnet}.1/24`, "dev", outside])
    yield* expect("ip", ["link", "set", outside, "up"])
    yield* within("ip", "link", "set", "lo", "up")
    yield* within("ip", "addr", "add", `${subnet}.2/24`, "dev", inside)
    yield* within("ip", "link", "set", inside, "up")
    const queue = (...args: ReadonlyArray<string>) =>
      Effect.andThen(
        within("tc", "qdisc", "replace", "dev", inside, ...args),
        expect("tc", ["qdisc", "replace", "dev", outside, ...args])
      )
    const shape = Effect.forEach(shapes(link), (args, at) =>
      at === 0 ? queue("root", "handle", "1:", ...args) : queue("parent", "1:1", ...args)
    )
    const begin = Effect.andThen(shape, link.outage === undefined ? Effect.void : outages(link.outage, queue, shape))
    const cut = (millis: number) =>
      within("ip", "link", "set", inside, "down").pipe(
        Effect.andThen(Effect.sleep(millis)),
        Effect.andThen(within("ip", "link", "set", inside, "up"))
      )
    return { name, relayAddress: `${subnet}.1`, insideAddress: `${subnet}.2`, cut, begin: Effect.asVoid(begin) }
  })

/** Meanwhile every packet is dropped, on both sides; afterwards the queues are made anew. */
const outages = (
  { everyMs, lastsMs }: NonNullable<Case.Link["outage"]>,
  queue: (...args: ReadonlyArray<string>) => Effect.Effect<void, Process.CannotRun>,
  shape: Effect.Effect<unknown, Process.CannotRun>
) =>
  Effect.sleep(everyMs - lastsMs).pipe(
    Effect.andThen(queue("root", "handle", "2:", "blackhole")),
    Effect.andThen(Effect.sleep(lastsMs)),
    Effect.andThen(queue("root", "handle", "3:", "pfifo")),
    Effect.andThen(shape),
    Effect.forever,
    Effect.forkScoped({ startImmediately: true })
  )
