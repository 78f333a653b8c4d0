/**
 * One run of one case against one relay; `Figures.ts` makes numbers of what it gave.
 *
 * Every run starts a fresh relay on an empty directory (in /dev/shm when there is one), so no run inherits another's
 * heap, page cache or descriptors. A packet counts when its index was acknowledged, and a run lasts until DATA_PENDING
 * says that everything is in the files: a relay gains nothing by acknowledging early.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, Schedule, type Scope } from "effect"
import type { Bench } from "./Bench.ts"
import type { Case, Group } from "./Case.ts"
import * as Disk from "./Disk.ts"
import * as Edge from "./Edge.ts"
import { type CpuSeconds, costMetrics, memoryMetrics, runMetrics, type Work, workOf } from "./Figures.ts"
import * as Files from "./Files.ts"
import type { Told } from "./FloodProgram.ts"
import * as Link from "./Link.ts"
import * as Lttng from "./Lttng.ts"
import * as Load from "./load.ts"
import { type Measurement, type Metrics, ofCalm, round, shares } from "./Measurement.ts"
import * as Namespace from "./Namespace.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"
import * as Relay from "./Relay.ts"
import * as Secured from "./Secured.ts"
import * as Volume from "./Volume.ts"

const defaultDrainSeconds = 20

/** A new directory that disappears with the scope. */
export const scratch = (parent: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(parent, "relay-bench-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
  )

/** More than any case has in files at a time, or at once after it deleted some. */
const warmBytesMax = 1 << 30

/**
 * Uses memory once and gives it back. The host of a virtual machine may take what is free for some seconds, and who
 * needs it next pays several times the price of a warm page: it must not be one relay of two.
 */
const warm = (folder: string): void => {
  const part = Buffer.alloc(1 << 20)
  const file = path.join(folder, "warm")
  const descriptor = fs.openSync(file, "w")
  const byteCount = Math.min(warmBytesMax, os.freemem() / 4)
  for (let written = 0; written < byteCount; written += part.length) fs.writeSync(descriptor, part)
  fs.closeSync(descriptor)
  fs.rmSync(file)
}

const withFar = (cpuSeconds: number | undefined, far: Process.Running | undefined) =>
  cpuSeconds === undefined || far === undefined ? cpuSeconds : cpuSeconds + Process.usage(far.pid).cpuSeconds

const cpuNow = (relay: Relay.Relay, { far, running }: Link.Linked): CpuSeconds => ({
  relay: withFar(Relay.usage(relay)?.cpuSeconds, far),
  link: running === undefined ? 0 : Process.usage(running.pid).cpuSeconds,
  machine: Process.machineTimes(),
  writtenBackMB: Volume.writtenBackMB()
})

const isAlive = ({ running }: Relay.Relay) =>
  running === undefined || (running.child.exitCode === null && running.child.signalCode === null)

const complaints = (report: Load.Report | undefined, relay: Relay.Relay, alive: boolean): ReadonlyArray<string> => {
  const failed = report?.groups.filter((part) => part.errors > 0) ?? []
  const found = failed.map((part) => `${part.label}: ${part.errors} × ${part.error}`)
  if (!alive) found.unshift("the relay ended during the run")
  const said = relay.running?.complaint() ?? ""
  return found.length === 0 || said === "" ? found : [...found, `the relay said: ${said}`]
}

interface Setup {
  readonly bench: Bench
  readonly kind: Relay.Kind
  readonly groups: ReadonlyArray<Group>
  readonly disks: NonNullable<Case["disks"]>
  readonly link: Case["link"]
  readonly tls: Case["tls"]
  /** Whom a flood meets: the relay, or another one. */
  readonly flooded: "relay" | "another" | "nobody"
  readonly verify: ReadonlyArray<string>
}

/** The kernel's link if the case is real and there can be one, since that is what a tracer has; else as it was said. */
const wayOf = (whole: Case, { linkBy }: Bench): Link.Way => {
  if (linkBy !== undefined || whole.link === undefined) return linkBy ?? "proxy"
  return whole.lttng !== undefined && Namespace.missing(whole.link) === undefined ? "kernel" : "proxy"
}

interface Started {
  readonly relay: Relay.Relay
  readonly linked: Link.Linked
  readonly namespace: string | undefined
  readonly edge?: Edge.Edge
}

/** Longer than to see that it runs: a relay's start is waited for. */
const isMeasured = ({ seconds }: Case): boolean => seconds >= 1
/** The relay, and the ports by which it is reached. */
const started = (whole: Case, setup: Setup, output: string, folder: string) =>
  Effect.gen(function* () {
    const { bench, disks, kind, link, tls } = setup
    const slow = bench.diskBy === "files" ? Disk.asFiles(disks, output) : []
    const { generator, others } = bench
    const options = { kind, others, generator, output, scratch: folder, slow, settles: isMeasured(whole) }
    if (tls !== undefined) {
      const secured = Secured.make(tls, kind, folder, bench.generator)
      const relay = yield* Relay.start({ ...options, args: secured.args })
      // A slow network begins behind the target's TLS.
      const linked = link === undefined ? Link.none(relay.ports) : yield* Link.proxy(link, relay.ports)
      const { far, near, ports } = yield* secured.connect(linked.ports)
      return { relay, linked: { ...linked, ports, running: near, far }, namespace: undefined }
    }
    if (link !== undefined && wayOf(whole, bench) === "kernel") {
      const namespace = yield* Namespace.make(link)
      const relay = yield* Relay.start({ ...options, address: namespace.relayAddress })
      return { relay, linked: Link.kernel(namespace, relay.ports), namespace: namespace.name }
    }
    const relay = yield* Relay.start({ ...options, args: whole.flood === undefined ? [] : Secured.allowArgs(folder) })
    if (whole.edge === true) {
      const edge = yield* Edge.start(relay.ports, folder)
      return { relay, linked: { ...Link.none(edge.ports), running: edge.running }, namespace: undefined, edge }
    }
    const linked = link === undefined ? Link.none(relay.ports) : yield* Link.proxy(link, relay.ports)
    return { relay, linked, namespace: undefined }
  })

/** Goes on until the scope closes. */
const flood = (whole: Case, { bench, flooded, kind }: Setup, folder: string, relay: Relay.Relay) =>
  Effect.gen(function* () {
    if (whole.flood === undefined || flooded === "nobody") return
    const another = Effect.gen(function* () {
      const { generator, others, place } = bench
      const options = { kind, others, generator, scratch: folder, settles: isMeasured(whole) }
      return yield* Relay.start({ ...options, output: yield* scratch(place), args: Secured.allowArgs(folder) })
    })
    const { ports } = flooded === "relay" ? relay : yield* another
    const told: Told = { ...whole.flood, port: ports.control }
    yield* Process.spawn(process.execPath, [Place.program("FloodProgram"), JSON.stringify(told)])
  })

const sampleMs = 100

/** The relay's memory from now on, in MiB, every tenth of a second. */
const memoryOverTime = ({ pid }: Relay.Relay): Effect.Effect<ReadonlyArray<number>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const samples: Array<number> = []
    if (pid === undefined) return samples
    const look = Effect.sync(() => samples.push(round(Process.residentMiB(pid))))
    yield* Effect.forkScoped(Effect.repeat(look, Schedule.fixed(sampleMs)), { startImmediately: true })
    return samples
  })

interface Loaded {
  readonly metrics: Metrics
  readonly work: Work
  readonly timelines: Measurement["timelines"]
  /** Undefined: nothing to count in the files. */
  readonly report: Load.Report | undefined
  readonly before: CpuSeconds
  readonly after: CpuSeconds
  readonly memory: ReadonlyArray<number>
}

type Begun = readonly [CpuSeconds, ReadonlyArray<number>]

/** By the generator. */
const generated = (
  whole: Case,
  setup: Setup,
  { edge, linked, relay }: Started,
  go: Effect.Effect<Begun, Process.CannotRun, Scope.Scope>
) =>
  Effect.gen(function* () {
    const [{ generator }, { groups }] = [setup.bench, setup]
    const drainSeconds = whole.drainSeconds ?? defaultDrainSeconds
    const settings = [...generator.settings, ...(whole.tls !== undefined && generator.hasTls ? ["tls=1"] : [])]
    const load = { generator: { ...generator, settings }, groups, seconds: whole.seconds, drainSeconds }
    const [report, [before, memory]] = yield* Load.run(load, linked, go)
    const drainedSeconds = yield* edge?.drained ?? Effect.succeed(0)
    const timelines = Object.fromEntries(report.groups.map((part) => [part.label, part.timeline]))
    const after = cpuNow(relay, linked)
    const work = workOf(report, groups)
    const through = edge === undefined ? {} : Edge.metrics(edge, work, after.link - before.link, drainedSeconds)
    return { metrics: { ...runMetrics(report, groups), ...through }, work, timelines, report, before, after, memory }
  })

/** By real applications. */
const traced = (
  whole: Case,
  settings: NonNullable<Case["lttng"]>,
  { linked, namespace, relay }: Started,
  output: string,
  go: Effect.Effect<Begun, Process.CannotRun, Scope.Scope>
) =>
  Effect.gen(function* () {
    const home = yield* scratch(os.tmpdir())
    const from = performance.now()
    const ended = Effect.sync(() => [cpuNow(relay, linked), (performance.now() - from) / 1000] as const)
    const place = { output, home, namespace }
    const [metrics, [before, memory], [after, seconds]] = yield* Lttng.run(whole, settings, place, linked, go, ended)
    const work = { packets: Number.NaN, bytes: Number.NaN, seconds, loadSeconds: 0 }
    return { metrics, work, timelines: {}, report: undefined, before, after, memory }
  })

const once = (whole: Case, setup: Setup): Effect.Effect<Measurement, Process.CannotRun> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { bench, groups, kind } = setup
      const folder = yield* scratch(bench.place)
      const output = path.join(folder, "traces")
      fs.mkdirSync(output)
      const mounted = bench.diskBy === "bindfs" && kind !== "null" ? setup.disks : []
      const mounts = yield* Effect.forEach(mounted, (disk) => Disk.mount(disk, output, path.join(folder, "backing")))
      if (isMeasured(whole)) warm(folder)
      const all = yield* started(whole, setup, output, folder)
      const { linked, relay } = all
      const idleMiB = Relay.usage(relay)?.residentMiB ?? Number.NaN
      const go = Effect.gen(function* () {
        yield* linked.begin
        yield* flood(whole, setup, folder, relay)
        yield* Disk.stallOnSchedule(mounts)
        if (bench.diskBy === "files" && setup.disks.length > 0) relay.running?.child.kill("SIGUSR2")
        return [cpuNow(relay, linked), yield* memoryOverTime(relay)] as const
      })
      const loaded: Loaded = yield* whole.lttng === undefined
        ? generated(whole, setup, all, go)
        : traced(whole, whole.lttng, all, output, go)
      const usage = Relay.usage(relay)
      const alive = isAlive(relay)
      // The relay closes its files on the way out; what is there then is what it kept.
      Disk.goOn(mounts)
      if (relay.running !== undefined) yield* Process.stop(relay.running)
      const { after, before, memory, metrics, report, timelines, work } = loaded
      const canCount = relay.running !== undefined && report !== undefined
      return {
        metrics: {
          ...metrics,
          ...costMetrics(work, before, after),
          ...(canCount && Files.lost(output, groups, setup.verify, report)),
          ...memoryMetrics(memory, idleMiB, usage),
          ...(Number.isFinite(relay.startMs) && { startMs: round(relay.startMs) })
        },
        timelines,
        memory,
        errors: complaints(report, relay, alive)
      }
    })
  )

/**
 * The case, and before and after it the groups it names `alone`, each against a relay of its own: a machine that gets
 * slower meanwhile is no disturbance. Of a flood once without any, too.
 */
export const measure = (whole: Case, kind: Relay.Kind, bench: Bench): Effect.Effect<Measurement, Process.CannotRun> =>
  Effect.gen(function* () {
    const { disks = [], groups, link, tls, verify = [] } = whole
    const full: Setup = { bench, kind, groups, disks, link, tls, verify, flooded: "relay" }
    const labels = whole.alone ?? []
    if (labels.length === 0) return yield* once(whole, full)
    const quiet = whole.groups.filter((group) => labels.includes(group.label))
    const alone = once(whole, { ...full, groups: quiet, disks: [], verify: [], flooded: "another" })
    const before = yield* alone
    const calm = whole.flood === undefined ? undefined : yield* once(whole, { ...full, flooded: "nobody" })
    const together = yield* once(whole, full)
    const after = yield* alone
    const beside = [before, after, ...(calm === undefined ? [] : [calm])]
    const standards = [before.metrics, after.metrics]
    return {
      metrics: {
        ...together.metrics,
        ...shares(together.metrics, standards, labels),
        ...(calm !== undefined && ofCalm(together.metrics, calm.metrics, labels))
      },
      timelines: together.timelines,
      memory: together.memory,
      errors: [...beside.flatMap(({ errors }) => errors.map((error) => `alone: ${error}`)), ...together.errors]
    }
  })
