/**
 * Watches the streams of live sessions for signs of life. A tracer sends an index or a beacon for every stream each
 * live timer period; one that says nothing for several periods is stalled: viewers cannot read past it, and somebody
 * should know why. If nothing is heard of a whole session for longer, its target may be gone.
 *
 * Sessions of one period are looked at together, by one scheduled effect: a look takes a microsecond or less, a fiber
 * that wakes up for it takes ten.
 */
import { Effect, FiberSet, Schedule, type Scope } from "effect"
import { Silence, type Verdict } from "../../model/Silence.ts"
import type { Incidents } from "../Incidents.ts"

/** Late by one period is jitter, by two a busy tracer. */
const silentPeriodCountMax = 3
/** A tracer may announce any timer; watching more often than this tells nobody anything sooner. */
const periodMillisMin = 100

export interface Watched {
  readonly isMetadata: boolean
  readonly isPublished: boolean
  readonly path: string
  readonly channelName: string
  readonly byteCount: number
  /** Its files are behind: it may be the relay that holds the tracer back. */
  readonly isBehind: boolean
  readonly model: { readonly signOfLifeCount: number }
}

export interface Options {
  /** The session, in log lines. */
  readonly label: string
  /** µs. */
  readonly liveTimer: number
  /** The session's open streams by handle, a live view. */
  readonly streams: ReadonlyMap<number, Watched>
  /** Counts the streams found stalled. */
  readonly stalls: { stallCount: number }
  readonly incidents: Incidents
  /** Called when the verdict on the session as a whole changes. `silentMillis`: ms since it was heard last. */
  readonly onVerdict: (verdict: Verdict, silentMillis: number) => Effect.Effect<void>
}

/** Watches all live sessions of a relay. */
export interface BeaconWatch {
  /** Watches a session until the scope closes. */
  readonly watch: (options: Options) => Effect.Effect<void, never, Scope.Scope>
}

interface StreamSilence {
  signOfLifeCount: number
  periodCount: number
}

class SessionWatch {
  readonly #options: Options
  readonly #silences = new Map<number, StreamSilence>()
  readonly #silence: Silence
  #verdict: Verdict = "heard"
  /** Sum of the periods watched: neither a clock that is set nor a relay that was stopped makes anybody silent. */
  #lookedMillis = 0

  constructor(options: Options) {
    this.#options = options
    this.#silence = new Silence(options.liveTimer / 1000)
  }

  /** Judges the session as a whole. Undefined: the verdict has not changed. */
  judge(periodMillis: number): Effect.Effect<void> | undefined {
    const { onVerdict, streams } = this.#options
    let life = streams.size
    let isExpected = false
    for (const { byteCount, isBehind, isMetadata, isPublished, model } of streams.values()) {
      life += model.signOfLifeCount + byteCount
      if (isBehind) life = Number.NaN
      if (isPublished && !isMetadata) isExpected = true
    }
    this.#lookedMillis += periodMillis
    const verdict = this.#silence.look(life, isExpected, this.#lookedMillis)
    if (verdict === this.#verdict) return undefined
    this.#verdict = verdict
    return onVerdict(verdict, this.#lookedMillis - this.#silence.sinceMillis)
  }

  /** Looks at each stream; answers those that have just turned out to be stalled. */
  look(): Array<string> {
    const { streams, stalls } = this.#options
    const stalled: Array<string> = []
    for (const handle of this.#silences.keys()) if (!streams.has(handle)) this.#silences.delete(handle)
    for (const [handle, stream] of streams) {
      if (stream.isMetadata || !stream.isPublished) continue
      const { signOfLifeCount } = stream.model
      const silence = this.#silences.get(handle)
      if (silence === undefined) this.#silences.set(handle, { signOfLifeCount, periodCount: 0 })
      else if (silence.signOfLifeCount !== signOfLifeCount) {
        silence.signOfLifeCount = signOfLifeCount
        silence.periodCount = 0
      } else if (++silence.periodCount === silentPeriodCountMax) {
        stalls.stallCount++
        stalled.push(`${stream.path}/${stream.channelName}#${handle}`)
      }
    }
    return stalled
  }

  warning(stalled: ReadonlyArray<string>): Effect.Effect<void> {
    const detail = `nothing heard for ${silentPeriodCountMax} live timer periods`
    return this.#options.incidents
      .report("STREAM_STALLED", detail)
      .pipe(Effect.annotateLogs({ session: this.#options.label, streams: stalled.join(" ") }))
  }
}

/** Looks at `sessions` once, and says what it found. */
const lookAtAll = (sessions: ReadonlySet<SessionWatch>, periodMillis: number): Effect.Effect<void> => {
  const warnings: Array<Effect.Effect<void>> = []
  for (const session of sessions) {
    const stalled = session.look()
    if (stalled.length > 0) warnings.push(session.warning(stalled))
    const verdict = session.judge(periodMillis)
    if (verdict !== undefined) warnings.push(verdict)
  }
  return Effect.all(warnings, { discard: true })
}

export const make: Effect.Effect<BeaconWatch, never, Scope.Scope> = Effect.map(FiberSet.makeRuntime<never>(), (run) => {
  const periods = new Map<number, Set<SessionWatch>>()
  /** Ends when it finds nobody left to watch. */
  const watchAll = (period: number, sessions: ReadonlySet<SessionWatch>) => {
    const look = Effect.suspend(() => {
      if (sessions.size === 0) periods.delete(period)
      return Effect.as(lookAtAll(sessions, period), sessions.size)
    })
    const interval = `${period} millis` as const
    return Effect.delay(
      Effect.repeat(look, { schedule: Schedule.spaced(interval), while: (count) => count > 0 }),
      interval
    )
  }
  const join = (period: number, session: SessionWatch) => {
    const sessions = periods.get(period)
    if (sessions === undefined) {
      const joined = new Set([session])
      periods.set(period, joined)
      run(watchAll(period, joined))
    } else sessions.add(session)
  }
  const watch = (options: Options) => {
    const period = Math.max(periodMillisMin, Math.ceil(options.liveTimer / 1000))
    const session = new SessionWatch(options)
    return Effect.acquireRelease(
      Effect.sync(() => join(period, session)),
      () => Effect.sync(() => periods.get(period)?.delete(session))
    )
  }
  return { watch }
})
