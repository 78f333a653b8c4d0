/**
 * Synthetic load for a relay: sessions that stream packets of a given size at a given rate, as targets do. What it
 * leaves on the relay's disk is a readable trace with numbered events.
 *
 * It measures what a target sees, packets taken by the connection and stored at the end; it is no benchmark harness.
 */
import { Clock, Duration, Effect, Schedule, Schema } from "effect"
import { clockNanos, randomUUID, wallMillis } from "../Machine.ts"
import { AnswerTimes } from "./AnswerTimes.ts"
import * as SyntheticTrace from "./SyntheticTrace.ts"
import * as Target from "./Target.ts"

/** How much: sessions, streams of each, packets of `packetBytes`, for how many or how long. */
export interface Options {
  readonly sessionCount: number
  readonly streamCount: number
  /** From `SyntheticTrace.packetBytesMin` to `packetBytesMax`: whole packets are in memory. */
  readonly packetBytes: number
  /** Packets per second and stream; as many as the relay takes where not given. */
  readonly rate?: number
  /** Packets per stream. */
  readonly packetCount?: number
  /** Streams end after this time. Without it and `packetCount` they end after 1000 packets each. */
  readonly duration?: Duration.Duration
  /** Makes the sessions live. */
  readonly liveTimer?: Duration.Duration
  /** What session names begin with; `-0`, `-1` … follow. `load` by default. */
  readonly sessionName?: string
  /** Starts a session again when its connection is lost. */
  readonly reconnect?: boolean
  /** Called after each packet with all that was sent so far. */
  readonly onProgress?: (progress: Progress) => void
}

/** A load like this cannot be made. `reason` names every member that is wrong, and what is expected of it. */
export class LoadInvalid extends Schema.TaggedError<LoadInvalid>()("LoadInvalid", { reason: Schema.String }) {
  override get message(): string {
    return `the load's options are not valid: ${this.reason}`
  }
}

const count = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Numbers = Schema.Struct({
  sessionCount: count(0),
  streamCount: count(0),
  packetBytes: count(SyntheticTrace.packetBytesMin, SyntheticTrace.packetBytesMax),
  rate: Schema.optional(Schema.Finite.check(Schema.isGreaterThan(0))),
  packetCount: Schema.optional(count(0))
})

const check = (options: Options): Effect.Effect<void, LoadInvalid> =>
  Schema.decodeUnknownEffect(Numbers)(options, { errors: "all" }).pipe(
    Effect.mapError(({ message }) => new LoadInvalid({ reason: message })),
    Effect.asVoid
  )

/** Packets taken by the connections, of all sessions, and their bytes. */
export interface Progress {
  readonly packets: number
  readonly bytes: number
  readonly sessionsStarted: number
  /** Milliseconds in which `share` (0 to 1) of the indexes were answered, up to 128 at a time; undefined: none yet. */
  readonly answerMillis: (share: number) => number | undefined
}

/** What the whole load came to. */
export interface Summary extends Progress {
  /** From the start until the relay had stored everything. */
  readonly seconds: number
}

/** Packets per stream after which a load without any bound of its own ends. */
const packetCountDefault = 1000

const isOver = (options: Options, sent: number, elapsedMillis: number): boolean => {
  const { duration, packetCount } = options
  if (packetCount !== undefined && sent >= packetCount) return true
  if (duration !== undefined) return elapsedMillis >= Duration.toMillis(duration)
  return packetCount === undefined && sent >= packetCountDefault
}

/** Counts what all sessions do. */
interface Tally {
  readonly answers: AnswerTimes
  readonly sent: (bytes: number) => void
}

/** More bytes than a connection still holds of earlier packets when it has room for the next. */
const unsentBytesMax = 256 * 1024

/** Buffers of packets are used again once these are sent: new memory for each costs as much as sending it. */
const bufferCountOf = ({ packetBytes }: Options): number => Math.ceil(unsentBytesMax / packetBytes) + 2

/** Whole milliseconds. The wall clock may be set meanwhile. */
export const steadyMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const playStream = (
  stream: Target.DataStream,
  generator: SyntheticTrace.Generator,
  options: Options,
  { sent: report }: Tally
) =>
  Effect.gen(function* () {
    const start = yield* steadyMillis
    for (let sent = 0; ; sent++) {
      const now = yield* steadyMillis
      if (isOver(options, sent, now - start)) return
      if (options.rate !== undefined) {
        const due = start + (sent * 1000) / options.rate
        if (due > now) yield* Effect.sleep(Duration.millis(due - now))
      }
      yield* stream.packet(generator.next(clockNanos()))
      report(options.packetBytes)
    }
  })

const tracePath = "ust/uid/0/64-bit"

const playSession = (session: Target.Session, options: Options, tally: Tally): Effect.Effect<void, Target.AskFailed> =>
  Effect.gen(function* () {
    const uuid = randomUUID()
    const start = clockNanos()
    // Timestamps are of a monotonic clock, as a tracer's; by this offset readers show the time of day.
    const clockOffset = BigInt(wallMillis()) * 1_000_000n - start
    const streams = []
    for (let cpu = 0; cpu < options.streamCount; cpu++) {
      const generator = SyntheticTrace.generator(uuid, cpu, options.packetBytes, start, {
        bufferCount: bufferCountOf(options)
      })
      const stream = yield* session.stream({
        path: tracePath,
        channel: `load_${cpu}`,
        instanceId: BigInt(cpu),
        beaconTimestamp: generator.idleUntil,
        answered: (millis) => tally.answers.add(millis)
      })
      streams.push({ stream, generator })
    }
    const metadata = yield* session.metadata(tracePath)
    yield* session.publish
    yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid, clockOffset)))
    yield* Effect.forEach(streams, ({ generator, stream }) => playStream(stream, generator, options, tally), {
      concurrency: "unbounded",
      discard: true
    })
    yield* session.close()
  }).pipe(Effect.catchTag("AlreadyClosed", Effect.die))

const reconnection: Schedule.Schedule<unknown> = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 10 })
)
const never: Schedule.Schedule<unknown> = Schedule.recurs(0)

/** Runs the load to its end; fails with what the first session that is not started again failed with. */
export const run = (
  target: Target.Target,
  options: Options
): Effect.Effect<Summary, Target.SessionFailed | LoadInvalid> =>
  Effect.gen(function* () {
    yield* check(options)
    const start = yield* steadyMillis
    let packets = 0
    let bytes = 0
    let sessionsStarted = 0
    const answers = new AnswerTimes()
    const answerMillis = (share: number) => answers.quantile(share)
    const sent = (more: number) => {
      packets++
      bytes += more
      options.onProgress?.({ packets, bytes, sessionsStarted, answerMillis })
    }
    const one = (index: number) =>
      Target.reconnecting(
        target,
        {
          name: `${options.sessionName ?? "load"}-${index}`,
          ...(options.liveTimer === undefined ? {} : { liveTimer: options.liveTimer })
        },
        (session) => {
          sessionsStarted++
          return playSession(session, options, { answers, sent })
        },
        options.reconnect === true ? reconnection : never
      )
    const sessions = Array.from({ length: options.sessionCount }, (_, index) => one(index))
    yield* Effect.all(sessions, { concurrency: "unbounded", discard: true })
    const end = yield* steadyMillis
    return { packets, bytes, seconds: (end - start) / 1000, sessionsStarted, answerMillis }
  })
