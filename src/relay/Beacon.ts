/**
 * Watches the streams of one live session for signs of life. A tracer sends an index or a beacon for every stream each
 * live timer period; one that says nothing for several periods is stalled: viewers cannot read past it, and somebody
 * should know why.
 */
import { Effect, Schedule } from "effect"

/** Late by one period is jitter, by two a busy tracer. */
const silentPeriodCountMax = 3
/** A tracer may announce any timer; watching more often than this tells nobody anything sooner. */
const periodMillisMin = 100

export interface Watched {
  readonly isMetadata: boolean
  readonly isPublished: boolean
  readonly path: string
  readonly channelName: string
  readonly model: { readonly signOfLifeCount: number }
}

export interface Options {
  /** µs. */
  readonly liveTimer: number
  /** Open streams, as they are at each look. */
  readonly streams: ReadonlyMap<number, Watched>
  /** Counts the streams found stalled. */
  readonly stalls: { stallCount: number }
}

interface Silence {
  signOfLifeCount: number
  periodCount: number
}

export const watch = ({ liveTimer, streams, stalls }: Options): Effect.Effect<void> => {
  const silences = new Map<number, Silence>()
  const look = Effect.suspend(() => {
    for (const handle of silences.keys()) if (!streams.has(handle)) silences.delete(handle)
    const stalled: Array<string> = []
    for (const [handle, stream] of streams) {
      if (stream.isMetadata || !stream.isPublished) continue
      const { signOfLifeCount } = stream.model
      const silence = silences.get(handle)
      if (silence === undefined || silence.signOfLifeCount !== signOfLifeCount) {
        silences.set(handle, { signOfLifeCount, periodCount: 0 })
      } else if (++silence.periodCount === silentPeriodCountMax) {
        stalls.stallCount++
        stalled.push(`${stream.path}/${stream.channelName}#${handle}`)
      }
    }
    if (stalled.length === 0) return Effect.void
    return Effect.logWarning(`stream stalled: nothing heard for ${silentPeriodCountMax} live timer periods`).pipe(
      Effect.annotateLogs({ streams: stalled.join(" ") })
    )
  })
  const period = `${Math.max(periodMillisMin, liveTimer / 1000)} millis` as const
  return Effect.asVoid(Effect.schedule(look, Schedule.fixed(period)))
}
