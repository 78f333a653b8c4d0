/**
 * A benchmark scenario as data: who connects, what they send, what is slow, and which results count.
 *
 * Cases hold no code. A case with a real `lttng` says so; everything else is the generator's work.
 */
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

/** The last `lastsMs` of every `everyMs`. */
const Recurring = Schema.Struct({ lastsMs: Milliseconds, everyMs: Milliseconds })

/**
 * A slow disk: of one host's directory, of every `every`-th session of each producing group (a group `LABEL-slow` of its
 * own), or of everything.
 */
const Disk = Schema.Struct({
  host: Schema.optionalKey(Schema.NonEmptyString),
  every: Schema.optionalKey(Count),
  writeBytesPerSecond: Schema.optionalKey(Size),
  /** More for every operation. Needs the relay's own slow files. */
  latencyMs: Schema.optionalKey(Milliseconds),
  /** Nothing moves from then to then. */
  stallMs: Schema.optionalKey(Interval),
  stall: Schema.optionalKey(Recurring)
})
export type Disk = typeof Disk.Type

/** A slow network between the relay and its targets, its viewers, or both. */
const Link = Schema.Struct({
  between: Schema.optionalKey(Schema.Literals(["targets", "viewers", "all"])),
  bitsPerSecond: Schema.optionalKey(Size),
  rttMs: Schema.optionalKey(Milliseconds),
  jitterMs: Schema.optionalKey(Milliseconds),
  /** What arrives, arrives in pieces of at most so many bytes. */
  segmentBytes: Schema.optionalKey(Count),
  /** Nothing is carried meanwhile, and nobody told. */
  outage: Schema.optionalKey(Recurring),
  /** What happens to all connections, once. */
  cut: Schema.optionalKey(
    Schema.Struct({ how: Schema.Literals(["reset", "half-open", "half-close"]), atMs: Milliseconds })
  )
})
export type Link = typeof Link.Type

/**
 * TLS between targets and relay. `own`: ended by our relay itself, and by stunnel in front of the reference; `haproxy`:
 * ended by HAProxy in front of either.
 */
const Tls = Schema.Literals(["own", "haproxy"])
export type Tls = typeof Tls.Type

/**
 * TLS handshakes that strangers begin and do not go on with, so many a second, from so many addresses, at the relay's
 * control port; where groups run `alone`, at that of another relay of the same kind.
 */
const Flood = Schema.Struct({
  handshakesPerSecond: Count,
  addresses: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
})
export type Flood = typeof Flood.Type

/** `ratio` compares with the reference in the same round, `value` is absolute. */
const Floor = Schema.Struct({
  metric: Schema.NonEmptyString,
  of: Schema.Literals(["ratio", "value"]),
  atLeast: Schema.optionalKey(Schema.Finite),
  atMost: Schema.optionalKey(Schema.Finite)
})
export type Floor = typeof Floor.Type

/** A real tracing side: `lttng`, and applications that emit as fast as they can unless it is said how fast. */
const Lttng = Schema.Struct({
  applications: Schema.optionalKey(Count),
  channels: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))),
  /** Of each application. */
  eventsPerSecond: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000 }))),
  /** A live session with this timer, watched. */
  liveMicros: Schema.optionalKey(Size),
  /** Who watches it: our viewer by default. */
  viewer: Schema.optionalKey(Schema.Literals(["follow", "babeltrace2"])),
  subbufferBytes: Schema.optionalKey(Size),
  subbufferCount: Schema.optionalKey(Count)
})

const Seconds = Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 3600 }))

export const CaseFile = Schema.Struct({
  $schema: Schema.optionalKey(Schema.String),
  title: Schema.NonEmptyString,
  /** Its place among the others; cases of one's own come last. */
  order: Schema.optionalKey(Schema.Int),
  /** Windows and stalls are meant for this length, and are scaled with it. */
  seconds: Seconds,
  drainSeconds: Schema.optionalKey(Seconds),
  groups: Schema.Array(Group),
  /** These groups also run without the others and without slow disks, as the standard for `shareOfAlone`. */
  alone: Schema.optionalKey(Schema.Array(Schema.String)),
  disks: Schema.optionalKey(Schema.Array(Disk)),
  link: Schema.optionalKey(Link),
  tls: Schema.optionalKey(Tls),
  flood: Schema.optionalKey(Flood),
  /** `lttng-relay edge` between the targets and the relay; the run lasts until the relay has everything. */
  edge: Schema.optionalKey(Schema.Boolean),
  /** After the run the files of these groups are counted against what was acknowledged. */
  verify: Schema.optionalKey(Schema.Array(Schema.String)),
  lttng: Schema.optionalKey(Lttng),
  /** The reference cannot do this (one viewer to a session); the reason is printed. */
  oursOnly: Schema.optionalKey(Schema.String),
  /** Metrics for the report's table, most important first; the rest is in the JSON. */
  show: Schema.Array(Schema.String),
  floors: Schema.Array(Floor)
})
export interface Case extends Schema.Schema.Type<typeof CaseFile> {
  readonly name: string
}
