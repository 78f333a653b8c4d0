/** What can be measured: names, units, and which way is better. A case can show and judge these, and no others. */
import type { Case, Group } from "./Case.ts"

export interface Metric {
  /** What it is, for a picture. */
  readonly says: string
  readonly unit: string
  /** Undefined: neither way. */
  readonly better: "more" | "less" | undefined
}

const metric = (says: string, unit: string, better?: "more" | "less"): Metric => ({ says, unit, better })

const ofEveryGroup: Readonly<Record<string, Metric>> = {
  packetsPerSecond: metric("packets stored per second", "packets/s", "more"),
  p50Ms: metric("answer time, median", "ms", "less"),
  p99Ms: metric("answer time, 99 of 100", "ms", "less"),
  maxMs: metric("longest answer time", "ms", "less"),
  seconds: metric("until everything was stored", "s", "less")
}

const bulk: Readonly<Record<string, Metric>> = { MBps: metric("throughput", "MB/s", "more") }
const ofTargets: Readonly<Record<string, Metric>> = {
  undrained: metric("sessions not stored in time", "sessions", "less")
}
const ofRates: Readonly<Record<string, Metric>> = { shareOfRate: metric("delivered of the rate given", "", "more") }
const ofViewers: Readonly<Record<string, Metric>> = {
  behind: metric("viewers that missed packets", "viewers", "less")
}
const ofWindows: Readonly<Record<string, Metric>> = {
  windowPacketsPerSecond: metric("packets stored per second, in the window", "packets/s", "more"),
  windowP99Ms: metric("answer time, 99 of 100, in the window", "ms", "less"),
  windowMaxMs: metric("longest answer time, in the window", "ms", "less")
}
const ofVerified: Readonly<Record<string, Metric>> = {
  lostPackets: metric("acknowledged packets that are not in the files", "packets", "less")
}
const ofAlone: Readonly<Record<string, Metric>> = {
  shareOfAlone: metric("packet rate, of the rate alone", "", "more"),
  alonePacketsPerSecond: metric("packets stored per second, alone", "packets/s", "more"),
  aloneP99Ms: metric("answer time, 99 of 100, alone", "ms", "less"),
  p99OfAlone: metric("answer time, 99 of 100, of that alone", "", "less"),
  p99OfCalm: metric("answer time, 99 of 100, of that without a flood", "", "less"),
  wholeP99OfCalm: metric("the same with the start", "", "less")
}

const ofRuns: Readonly<Record<string, Metric>> = {
  cpuSecondsPerGB: metric("processor time per GB", "s/GB", "less"),
  cpuMicrosPerPacket: metric("processor time per packet", "µs", "less"),
  cpuShare: metric("processors used by the relay", "", "less"),
  generatorCpuShare: metric("processors used by the generator", ""),
  writebackMB: metric("written to disks meanwhile, by the kernel", "MB"),
  linkCpuShare: metric("processors used by the slow network", ""),
  foreignCpuShare: metric("processors used by others", ""),
  stolenCpuShare: metric("processors taken by the machine's host", "")
}
const ofRelays: Readonly<Record<string, Metric>> = {
  startMs: metric("from its start until it listens", "ms", "less"),
  rssIdleMiB: metric("memory before the first connection", "MiB", "less"),
  rssMedianMiB: metric("memory during the run, median", "MiB", "less"),
  rssPeakMiB: metric("most memory", "MiB", "less")
}
const ofEdges: Readonly<Record<string, Metric>> = {
  throughMBps: metric("throughput until the relay has everything", "MB/s", "more"),
  edgeCpuSecondsPerGB: metric("processor time of the edge per GB", "s/GB", "less"),
  edgeRssPeakMiB: metric("most memory of the edge", "MiB", "less")
}
const ofTracers: Readonly<Record<string, Metric>> = {
  eventsUnaccounted: metric("events neither read nor declared lost", "events"),
  eventsEmitted: metric("events emitted", "events"),
  eventsRead: metric("events read", "events", "more"),
  eventsDiscarded: metric("events discarded by the tracer", "events", "less"),
  traceReadable: metric("trace can be read", ""),
  stopSeconds: metric("lttng stop", "s", "less"),
  destroySeconds: metric("lttng destroy", "s", "less"),
  eventsLostShare: metric("events discarded by the tracer, of all", "", "less")
}
const ofFollowers: Readonly<Record<string, Metric>> = {
  viewerEvents: metric("events at the viewer", "events", "more"),
  eventToViewerP50Ms: metric("from an event to its line at the viewer, median", "ms", "less"),
  eventToViewerP99Ms: metric("from an event to its line at the viewer, 99 of 100", "ms", "less"),
  eventToViewerMaxMs: metric("from an event to its line at the viewer, longest", "ms", "less")
}

const ofGroup = (whole: Case, group: Group): Readonly<Record<string, Metric>> => {
  const carries = group.role === "produce" || group.role === "view"
  return {
    ...ofEveryGroup,
    ...(carries ? bulk : {}),
    ...(group.role === "produce" ? ofTargets : {}),
    ...(group.role === "produce" && group.rate !== undefined ? ofRates : {}),
    ...(group.role === "view" ? ofViewers : {}),
    ...(group.windowMs === undefined ? {} : ofWindows),
    ...(whole.verify?.includes(group.label) === true ? ofVerified : {}),
    ...(whole.alone?.includes(group.label) === true ? ofAlone : {})
  }
}

/** All that a case measures, by name. */
export const of = (whole: Case): ReadonlyMap<string, Metric> => {
  const groups = whole.groups.flatMap((group) =>
    Object.entries(ofGroup(whole, group)).map(([name, found]) => [`${group.label}.${name}`, found] as const)
  )
  const followers = whole.lttng?.liveMicros === undefined ? {} : ofFollowers
  const tracers = whole.lttng === undefined ? {} : { ...ofTracers, ...followers }
  return new Map([
    ...groups,
    ...Object.entries({ ...tracers, ...(whole.edge === true ? ofEdges : {}), ...ofRuns, ...ofRelays })
  ])
}
