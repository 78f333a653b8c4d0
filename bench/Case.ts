/**
 * A benchmark scenario as data: who connects, what they send, what is slow, and which results count.
 *
 * Cases hold no code. A case with a real `lttng` says so; everything else is the generator's work.
 */

import * as fs from "node:fs"
import * as path from "node:path"
import { Schema } from "effect"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 }))
const Milliseconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))
const Interval = Schema.Tuple([Milliseconds, Milliseconds])

/** Sessions of one kind. Rates are bytes per second and session. */
const Group = Schema.Struct({
  label: Schema.NonEmptyString,
  role: Schema.Literals(["produce", "beacon", "poll", "metadata", "view"]),
  sessions: Count,
  streams: Schema.optionalKey(Count),
  packetSize: Schema.optionalKey(Size),
  inFlight: Schema.optionalKey(Count),
  rate: Schema.optionalKey(Size),
  packetLimit: Schema.optionalKey(Count),
  /** Bytes and number of trace files per stream: what keeps the output bounded. */
  ring: Schema.optionalKey(Schema.Tuple([Size, Count])),
  liveMicros: Schema.optionalKey(Size),
  intervalMs: Schema.optionalKey(Count),
  host: Schema.optionalKey(Schema.NonEmptyString),
  /** The group whose sessions a viewer reads. */
  of: Schema.optionalKey(Schema.NonEmptyString),
  /** Every session on a host (so on a directory) of its own: `host-0`, `host-1`, ... */
  hostPerSession: Schema.optionalKey(Schema.Boolean),
  /** Results of this part of the run are also reported on their own. */
  windowMs: Schema.optionalKey(Interval)
})
export type Group = typeof Group.Type

/** What is wrong with the directory of one host, for the whole run or for a part of it. */
const Disk = Schema.Struct({
  host: Schema.NonEmptyString,
  writeBytesPerSecond: Schema.optionalKey(Size),
  stallMs: Schema.optionalKey(Interval)
})
export type Disk = typeof Disk.Type

/** `ratio` compares with the reference in the same round, `value` is absolute. */
const Floor = Schema.Struct({
  metric: Schema.NonEmptyString,
  of: Schema.Literals(["ratio", "value"]),
  atLeast: Schema.optionalKey(Schema.Finite),
  atMost: Schema.optionalKey(Schema.Finite)
})
export type Floor = typeof Floor.Type

/** A real tracing side on a link of this rate. */
const Lttng = Schema.Struct({ linkBitsPerSecond: Size })

const Case = Schema.Struct({
  title: Schema.NonEmptyString,
  order: Schema.Int,
  seconds: Schema.Finite,
  drainSeconds: Schema.optionalKey(Schema.Finite),
  groups: Schema.Array(Group),
  /** These groups also run without the others and without slow disks, as the standard for `shareOfAlone`. */
  alone: Schema.optionalKey(Schema.Array(Schema.String)),
  disks: Schema.optionalKey(Schema.Array(Disk)),
  /** After the run the files of these groups are counted against what was acknowledged. */
  verify: Schema.optionalKey(Schema.Array(Schema.String)),
  lttng: Schema.optionalKey(Lttng),
  /** The reference cannot do this (one viewer to a session); the reason is printed. */
  oursOnly: Schema.optionalKey(Schema.String),
  /** Metrics for the report's table, most important first; the rest is in the JSON. */
  show: Schema.Array(Schema.String),
  floors: Schema.Array(Floor)
})
export interface Case extends Schema.Schema.Type<typeof Case> {
  readonly name: string
}

const directory = path.join(import.meta.dirname, "cases")

export const loadAll = (): ReadonlyArray<Case> =>
  fs
    .readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({
      ...Schema.decodeUnknownSync(Case)(JSON.parse(fs.readFileSync(path.join(directory, file), "utf8")), {
        onExcessProperty: "error"
      }),
      name: path.basename(file, ".json")
    }))
    .sort((left, right) => left.order - right.order)

const scaleInterval = ([from, to]: readonly [number, number], factor: number): readonly [number, number] => [
  Math.round(from * factor),
  Math.round(to * factor)
]

/** The same shape in a fraction of a second: proves that a case runs, says nothing about speed. */
export const tiny = (whole: Case): Case => {
  const seconds = Math.min(whole.seconds, 0.4)
  const factor = seconds / whole.seconds
  return {
    ...whole,
    seconds,
    drainSeconds: 5,
    groups: whole.groups.map((group) => ({
      ...group,
      sessions: Math.min(group.sessions, group.role === "view" ? 2 : 4),
      ...(group.windowMs && { windowMs: scaleInterval(group.windowMs, factor) }),
      ...(group.intervalMs && { intervalMs: Math.min(group.intervalMs, 100) }),
      ...(group.packetLimit && { packetLimit: Math.min(group.packetLimit, 10) })
    })),
    ...(whole.disks && {
      disks: whole.disks.slice(0, 4).map((disk) => ({
        ...disk,
        ...(disk.stallMs && { stallMs: scaleInterval(disk.stallMs, factor) })
      }))
    })
  }
}
