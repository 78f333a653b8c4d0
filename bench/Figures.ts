/** The metrics of one run, from the load's report and what its processes took. Pure. */
import type { Group } from "./Case.ts"
import type * as Load from "./load.ts"
import { type Metrics, round } from "./Measurement.ts"
import type * as Process from "./Process.ts"

const megabyte = 1e6

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

export const runMetrics = (report: Load.Report, groups: ReadonlyArray<Group>): Metrics =>
  Object.assign(
    {},
    ...groups.map((group) =>
      named(
        group.label,
        merge(report.groups.filter((part) => belongs(part, group)).map((part) => groupMetrics(part, group)))
      )
    )
  )

/** Processor time so far, and what the kernel wrote back. */
export interface CpuSeconds {
  readonly relay: number | undefined
  readonly link: number
  readonly machine: Process.MachineTimes
  readonly writtenBackMB: number
}

/** What the costs are for. */
export interface Work {
  readonly packets: number
  readonly bytes: number
  /** By the clock. */
  readonly seconds: number
  /** Processor time of the load itself; real applications count as others. */
  readonly loadSeconds: number
}

export const workOf = (report: Load.Report, groups: ReadonlyArray<Group>): Work => {
  const produced = report.groups.filter((part) =>
    groups.some((group) => group.role === "produce" && belongs(part, group))
  )
  return {
    packets: produced.reduce((sum, part) => sum + part.packets, 0),
    bytes: produced.reduce((sum, part) => sum + part.packets * part.packetSize, 0),
    seconds: Math.max(...report.groups.map((part) => part.seconds)),
    loadSeconds: report.cpuSeconds
  }
}

export const costMetrics = (work: Work, from: CpuSeconds, to: CpuSeconds): Metrics => {
  const { bytes, loadSeconds, packets, seconds: wall } = work
  const linkSeconds = to.link - from.link
  const shared = {
    generatorCpuShare: round(loadSeconds / wall),
    stolenCpuShare: round((to.machine.stolen - from.machine.stolen) / wall),
    writebackMB: round(to.writtenBackMB - from.writtenBackMB),
    ...(linkSeconds > 0 && { linkCpuShare: round(linkSeconds / wall) })
  }
  if (to.relay === undefined || from.relay === undefined) return shared
  const cpuSeconds = to.relay - from.relay
  // Everybody else: what shared the machine with this run, mounts included.
  const foreign = to.machine.busy - from.machine.busy - cpuSeconds - loadSeconds - linkSeconds
  return {
    ...shared,
    cpuSecondsPerGB: round((cpuSeconds * 1e9) / bytes),
    cpuMicrosPerPacket: round((cpuSeconds * 1e6) / packets),
    cpuShare: round(cpuSeconds / wall),
    foreignCpuShare: round(Math.max(0, foreign) / wall)
  }
}

export const memoryMetrics = (
  samples: ReadonlyArray<number>,
  idleMiB: number,
  after: Process.Usage | undefined
): Metrics => {
  if (after === undefined) return {}
  const sorted = [...samples].sort((left, right) => left - right)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return { rssPeakMiB: round(after.peakMiB), rssIdleMiB: round(idleMiB), rssMedianMiB: median }
}
