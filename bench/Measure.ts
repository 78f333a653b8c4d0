/**
 * One run of one case against one relay, as a flat record of numbers.
 *
 * Every run starts a fresh relay on an empty directory (in /dev/shm when there is one), so no run inherits another's
 * heap, page cache or descriptors. A packet counts when its index was acknowledged, and a run lasts until DATA_PENDING
 * says that everything is in the files: a relay gains nothing by acknowledging early.
 */

import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Case, Group } from "./Case.ts"
import * as Disk from "./Disk.ts"
import * as Files from "./Files.ts"
import type { Generator } from "./Generator.ts"
import * as Lttng from "./Lttng.ts"
import * as Load from "./load.ts"
import type { Measurement, Metrics } from "./Measurement.ts"
import * as Process from "./Process.ts"
import * as Relay from "./Relay.ts"

const megabyte = 1e6
const defaultDrainSeconds = 20

/** A new directory that disappears with the scope. */
export const scratch = (parent: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(parent, "relay-bench-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
  )

/** Where output goes if nothing else is said: no disk, if the machine has another place. */
export const memoryFolder = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()

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

const round = (value: number) => Number(value.toPrecision(6))

const groupMetrics = (report: Load.GroupReport, group: Group): Metrics => {
  const metrics: Metrics = {
    packetsPerSecond: report.packets / report.seconds,
    p50Ms: report.latency.p50 / 1000,
    p99Ms: report.latency.p99 / 1000,
    maxMs: report.latency.max / 1000,
    seconds: report.seconds
  }
  if (group.role === "produce" || group.role === "view") {
    metrics.MBps = (report.packets * report.packetSize) / report.seconds / megabyte
  }
  if (group.role === "produce") metrics.undrained = report.sessions - report.drained
  if (group.role === "produce" && group.rate !== undefined) {
    metrics.shareOfRate = (report.packets * report.packetSize) / report.seconds / (group.rate * report.sessions)
  }
  if (group.role === "view") metrics.behind = report.behind
  if (report.windowSeconds > 0) {
    metrics.windowPacketsPerSecond = report.window.count / report.windowSeconds
    metrics.windowP99Ms = report.window.p99 / 1000
    metrics.windowMaxMs = report.window.max / 1000
  }
  return metrics
}

/** The sessions of a `hostPerSession` group are reported one by one: their rates add up, the worst time counts. */
const merge = (parts: ReadonlyArray<Metrics>): Metrics => {
  const merged: Metrics = {}
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      const adds = /PerSecond$|MBps|undrained|behind/.test(name)
      merged[name] = adds ? (merged[name] ?? 0) + value : Math.max(merged[name] ?? 0, value)
    }
  }
  return merged
}

const belongs = (report: Load.GroupReport, group: Group) =>
  group.hostPerSession === true
    ? report.label.startsWith(`${group.label}-`) && /^\d+$/.test(report.label.slice(group.label.length + 1))
    : report.label === group.label

const named = (prefix: string, metrics: Metrics) =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${prefix}.${name}`, round(value)]))

const runMetrics = (report: Load.Report, groups: ReadonlyArray<Group>): Metrics =>
  Object.assign(
    {},
    ...groups.map((group) =>
      named(
        group.label,
        merge(report.groups.filter((part) => belongs(part, group)).map((part) => groupMetrics(part, group)))
      )
    )
  )

interface CpuSeconds {
  readonly relay: number
  readonly machine: number
}

const cpuNow = (relay: Relay.Relay): CpuSeconds => ({
  relay: Process.usage(relay.running.pid).cpuSeconds,
  machine: Process.machineCpuSeconds()
})

const costMetrics = (report: Load.Report, groups: ReadonlyArray<Group>, from: CpuSeconds, to: CpuSeconds): Metrics => {
  const cpuSeconds = to.relay - from.relay
  const produced = report.groups.filter((part) =>
    groups.some((group) => group.role === "produce" && belongs(part, group))
  )
  const packets = produced.reduce((sum, part) => sum + part.packets, 0)
  const bytes = produced.reduce((sum, part) => sum + part.packets * part.packetSize, 0)
  const wall = Math.max(...report.groups.map((part) => part.seconds))
  return {
    cpuSecondsPerGB: round((cpuSeconds * 1e9) / bytes),
    cpuMicrosPerPacket: round((cpuSeconds * 1e6) / packets),
    cpuShare: round(cpuSeconds / wall),
    generatorCpuShare: round(report.cpuSeconds / wall),
    // Everybody else: what shared the machine with this run, mounts included.
    foreignCpuShare: round(Math.max(0, to.machine - from.machine - cpuSeconds - report.cpuSeconds) / wall)
  }
}

const complaints = (report: Load.Report, relay: Relay.Relay, alive: boolean): ReadonlyArray<string> => {
  const failed = report.groups.filter((part) => part.errors > 0)
  const found = failed.map((part) => `${part.label}: ${part.errors} × ${part.error}`)
  if (!alive) found.unshift("the relay ended during the run")
  return found.length === 0 ? [] : [...found, `the relay said: ${relay.running.complaint()}`]
}

interface Setup {
  readonly generator: Generator
  readonly kind: Relay.Kind
  /** Where the output's directory is made. */
  readonly place: string
  readonly groups: ReadonlyArray<Group>
  readonly disks: ReadonlyArray<NonNullable<Case["disks"]>[number]>
  readonly verify: ReadonlyArray<string>
}

const once = (whole: Case, setup: Setup): Effect.Effect<Measurement, Process.CannotRun> =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* scratch(setup.place)
      const output = path.join(folder, "traces")
      fs.mkdirSync(output)
      const mounts = yield* Effect.forEach(setup.disks, (disk) =>
        Effect.map(Disk.mount(disk, output, path.join(folder, "backing")), (running) => [disk, running] as const)
      )
      if (whole.seconds >= 1) warm(folder)
      const relay = yield* Relay.start(setup.kind, setup.generator, output, folder)
      const idleMiB = Process.usage(relay.running.pid).residentMiB
      const go = Effect.gen(function* () {
        yield* Disk.stallOnSchedule(mounts)
        return cpuNow(relay)
      })
      const [report, cpuBefore] = yield* Load.run(
        {
          generator: setup.generator,
          groups: setup.groups,
          seconds: whole.seconds,
          drainSeconds: whole.drainSeconds ?? defaultDrainSeconds
        },
        relay,
        go
      )
      const cpuAfter = cpuNow(relay)
      const after = Process.usage(relay.running.pid)
      const alive = relay.running.child.exitCode === null && relay.running.child.signalCode === null
      // The relay closes its files on the way out; what is there then is what it kept.
      for (const [, mount] of mounts) mount.child.kill("SIGCONT")
      yield* Process.stop(relay.running)
      const lost = Files.lost(output, setup.groups, setup.verify, report)
      return {
        metrics: {
          ...runMetrics(report, setup.groups),
          ...costMetrics(report, setup.groups, cpuBefore, cpuAfter),
          ...lost,
          rssPeakMiB: round(after.peakMiB),
          rssIdleMiB: round(idleMiB)
        },
        timelines: Object.fromEntries(report.groups.map((part) => [part.label, part.timeline])),
        errors: complaints(report, relay, alive)
      }
    })
  )

const shares = (together: Metrics, alone: ReadonlyArray<Metrics>, labels: ReadonlyArray<string>): Metrics => {
  const mean = (metric: string) => alone.reduce((sum, metrics) => sum + (metrics[metric] ?? 0), 0) / alone.length
  const result: Metrics = {}
  for (const label of labels) {
    const alonePacketsPerSecond = mean(`${label}.packetsPerSecond`)
    const beside = together[`${label}.packetsPerSecond`] ?? 0
    result[`${label}.shareOfAlone`] = round(beside / alonePacketsPerSecond)
    result[`${label}.alonePacketsPerSecond`] = round(alonePacketsPerSecond)
    result[`${label}.aloneP99Ms`] = round(mean(`${label}.p99Ms`))
  }
  return result
}

/**
 * The case, and before it and after it the groups it names `alone`, each against a relay of its own: a machine that
 * becomes slower meanwhile is not taken for a disturbance.
 */
export const measure = (
  whole: Case,
  kind: Relay.Kind,
  generator: Generator,
  place: string = memoryFolder
): Effect.Effect<Measurement, Process.CannotRun> =>
  Effect.gen(function* () {
    if (whole.lttng !== undefined) {
      const folders = Effect.all([scratch(memoryFolder), scratch(os.tmpdir())])
      return yield* Effect.scoped(
        Effect.flatMap(folders, ([traces, home]) => Lttng.measure(whole, kind, generator, traces, home))
      )
    }
    const full = { generator, kind, place, groups: whole.groups, disks: whole.disks ?? [], verify: whole.verify ?? [] }
    const labels = whole.alone ?? []
    if (labels.length === 0) return yield* once(whole, full)
    const quiet = whole.groups.filter((group) => labels.includes(group.label))
    const alone = once(whole, { ...full, groups: quiet, disks: [], verify: [] })
    const before = yield* alone
    const together = yield* once(whole, full)
    const after = yield* alone
    const standards = [before, after]
    const standardMetrics = standards.map(({ metrics }) => metrics)
    return {
      metrics: { ...together.metrics, ...shares(together.metrics, standardMetrics, labels) },
      timelines: together.timelines,
      errors: [...standards.flatMap(({ errors }) => errors.map((error) => `alone: ${error}`)), ...together.errors]
    }
  })
