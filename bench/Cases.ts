/**
 * Cases from their files, checked; and cases under other conditions: shorter, on a slower disk, behind a slower link.
 *
 * A mistake names the file and the place in it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Schema } from "effect"
import { Misused } from "../src/cli/Misused.ts"
import { oneLine } from "../src/errors/Harmless.ts"
import * as SystemError from "../src/errors/SystemError.ts"
import { type Case, CaseFile, type Disk, type Group, type Link } from "./Case.ts"
import * as Metric from "./Metric.ts"
import * as Place from "./Place.ts"

const decode = Schema.decodeUnknownSync(CaseFile)

/** What the schema cannot say: labels and metrics that are named must be there. */
const mistakeIn = (whole: Case): string | undefined => {
  const labels = whole.groups.map(({ label }) => label)
  const twice = labels.find((label, index) => labels.indexOf(label) !== index)
  if (twice !== undefined) return `groups: two have the label "${twice}"`
  if (labels.length === 0 && whole.lttng === undefined) return "groups: there are none, and there is no lttng"
  const named = [
    ...(whole.alone ?? []).map((label, index) => [`alone[${index}]`, label] as const),
    ...(whole.verify ?? []).map((label, index) => [`verify[${index}]`, label] as const),
    ...whole.groups.flatMap(({ of }, index) => (of === undefined ? [] : [[`groups[${index}].of`, of] as const]))
  ]
  const unknown = named.find(([, label]) => !labels.includes(label))
  if (unknown !== undefined) return `${unknown[0]}: no group has the label "${unknown[1]}"`
  const metrics = Metric.of(whole)
  const shown = [
    ...whole.show.map((metric, index) => [`show[${index}]`, metric] as const),
    ...whole.floors.map(({ metric }, index) => [`floors[${index}].metric`, metric] as const)
  ]
  const strange = shown.find(([, metric]) => !metrics.has(metric))
  if (strange !== undefined)
    return `${strange[0]}: "${strange[1]}" is not measured; ${[...metrics.keys()].join(", ")} are`
  const late = whole.groups.findIndex(({ windowMs }) => (windowMs?.[1] ?? 0) > whole.seconds * 1000)
  return late < 0 ? undefined : `groups[${late}].windowMs: ends after the case's ${whole.seconds} s`
}

/** Throws `Misused` for a file that is no case. */
export const read = (file: string): Case => {
  const refuse = (reason: string) => new Misused(`${file}: ${oneLine(reason)}`)
  let whole: Case
  try {
    const found = decode(JSON.parse(fs.readFileSync(file, "utf8")), { onExcessProperty: "error" })
    whole = { ...found, name: path.basename(file, ".json") }
  } catch (cause) {
    throw refuse(SystemError.reasonOf(cause))
  }
  const mistake = mistakeIn(whole)
  if (mistake !== undefined) throw refuse(mistake)
  return whole
}

const orderOf = ({ order }: Case) => order ?? Number.POSITIVE_INFINITY

export const loadAll = (): ReadonlyArray<Case> =>
  fs
    .readdirSync(Place.cases)
    .filter((file) => file.endsWith(".json"))
    .map((file) => read(path.join(Place.cases, file)))
    .sort((left, right) => orderOf(left) - orderOf(right))

const scaleInterval = ([from, to]: readonly [number, number], factor: number): readonly [number, number] => [
  Math.round(from * factor),
  Math.round(to * factor)
]

/** The same in another length: what happens at a time happens at the same part of it. */
export const lasting = (whole: Case, seconds: number): Case => {
  const factor = seconds / whole.seconds
  const scaleGroup = (group: Group): Group => ({
    ...group,
    ...(group.windowMs && { windowMs: scaleInterval(group.windowMs, factor) })
  })
  const scaleDisk = (disk: Disk): Disk => ({
    ...disk,
    ...(disk.stallMs && { stallMs: scaleInterval(disk.stallMs, factor) })
  })
  return {
    ...whole,
    seconds,
    groups: whole.groups.map(scaleGroup),
    ...(whole.disks && { disks: whole.disks.map(scaleDisk) })
  }
}

/** A fraction of a second of a few sessions: proves that a case runs, says nothing about speed. */
export const tiny = (whole: Case): Case => {
  // A viewer of a real session has to be there before anything counts.
  const seconds = whole.lttng?.liveMicros === undefined ? 0.4 : 3
  const short = lasting(whole, Math.min(whole.seconds, seconds))
  return {
    ...short,
    drainSeconds: 5,
    groups: short.groups.map((group) => ({
      ...group,
      sessions: Math.min(group.sessions, group.role === "view" ? 2 : 4),
      ...(group.intervalMs && { intervalMs: Math.min(group.intervalMs, 100) }),
      ...(group.packetLimit && { packetLimit: Math.min(group.packetLimit, 10) })
    })),
    ...(short.disks && { disks: short.disks.slice(0, 4) })
  }
}

/** The least length in which everything that recurs does so once. */
export const leastSeconds = ({ disks = [], link }: Case): number =>
  Math.max(
    0,
    ...disks.map(({ stall }) => (stall?.everyMs ?? 0) / 1000),
    (link?.outage?.everyMs ?? 0) / 1000,
    (link?.cut?.atMs ?? 0) / 1000
  )

/** What goes wrong during the run, and when: from and to, in seconds. */
export interface Troubles {
  readonly are: string
  readonly intervals: ReadonlyArray<readonly [number, number]>
}

const again = ({ everyMs, lastsMs }: { readonly everyMs: number; readonly lastsMs: number }, seconds: number) => {
  const count = Math.floor((seconds * 1000) / everyMs)
  return Array.from({ length: count }, (_, at): readonly [number, number] => [
    ((at + 1) * everyMs - lastsMs) / 1000,
    ((at + 1) * everyMs) / 1000
  ])
}

export const troubles = ({ disks = [], link, seconds }: Case): Troubles => {
  const stalls = disks.flatMap(({ stall, stallMs }) => [
    ...(stallMs === undefined ? [] : [[stallMs[0] / 1000, stallMs[1] / 1000] as const]),
    ...(stall === undefined ? [] : again(stall, seconds))
  ])
  const outages = link?.outage === undefined ? [] : again(link.outage, seconds)
  const cuts = link?.cut === undefined ? [] : [[link.cut.atMs / 1000, seconds] as const]
  const named = [
    ...(stalls.length > 0 ? ["the disk stalls"] : []),
    ...(outages.length > 0 ? ["the network is gone"] : []),
    ...(link?.cut === undefined ? [] : [`after the ${link.cut.how}`])
  ]
  const all = new Map([...stalls, ...outages, ...cuts].map((interval) => [interval.join(), interval]))
  return { are: named.join(", "), intervals: [...all.values()] }
}

export interface Conditions {
  readonly link: Link | undefined
  readonly disk: Disk | undefined
}

export const isAny = (given: Link | Disk): boolean =>
  Object.keys(given).some((key) => key !== "between" && key !== "host" && key !== "every")

/** The host on which every `every`-th session of a group is. */
const slowHost = "slow"

/** Of each producing group, every n-th session becomes one of a group of its own, on the slow host. */
const partSlow = (group: Group, every: number): ReadonlyArray<Group> => {
  const slow = Math.floor(group.sessions / every)
  if (group.role !== "produce" || slow === 0) return [group]
  const rest = group.sessions - slow
  const apart = { ...group, label: `${group.label}-slow`, host: slowHost, sessions: slow }
  return rest === 0 ? [apart] : [{ ...group, sessions: rest }, apart]
}

const onDisk = (whole: Case, { every, ...disk }: Disk): Case => {
  if (every === undefined) return { ...whole, disks: [...(whole.disks ?? []), disk] }
  const groups = whole.groups.flatMap((group) => partSlow(group, every))
  const slow = groups.filter(({ host }) => host === slowHost)
  const show = slow.flatMap(({ label }) => [`${label}.MBps`, `${label}.p99Ms`])
  const disks = [...(whole.disks ?? []), { ...disk, host: slowHost }]
  return { ...whole, groups, disks, show: [...whole.show, ...show] }
}

/** The case under the conditions of the command line, which come before its own. */
export const under = (whole: Case, { disk, link }: Conditions): Case => {
  const linked = link === undefined ? whole : { ...whole, link: { ...whole.link, ...link } }
  return disk === undefined ? linked : onDisk(linked, disk)
}
