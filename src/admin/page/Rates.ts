/**
 * What changed between the last two answers, per second: the rates of each session, and its last byte rates for the
 * sparkline. Pure but for its own memory.
 */
import * as Elapsed from "../Elapsed.ts"
import type { Overview, SessionSummary } from "./Server.ts"

/** Points of a sparkline; at first they are the relay's own history. */
export const sparkCount = 40

/** Undefined: not known before the second answer. */
export interface SessionRates {
  readonly bytes: number | undefined
  readonly packets: number | undefined
  readonly eventsDiscarded: number
  readonly spark: ReadonlyArray<number>
}

/** Whether two statuses are of one session: its number is given again when the relay has been restarted. */
export const isOne = (a: Identity, b: Identity): boolean =>
  a.creationTimeSeconds === b.creationTimeSeconds && a.name === b.name && a.hostname === b.hostname

type Identity = Pick<SessionSummary, "creationTimeSeconds" | "name" | "hostname">

const unknown: SessionRates = { bytes: undefined, packets: undefined, eventsDiscarded: 0, spark: [] }

export class Rates {
  #before: Overview | undefined
  #sessions = new Map<number, SessionRates>()
  total: SessionRates = unknown

  take(now: Overview): void {
    const before = this.#before
    if (before !== undefined && Elapsed.isSame(before, now)) return
    this.#before = now
    const seconds = before === undefined ? 0 : Elapsed.secondsBetween(before, now)
    const known = new Map(before?.sessions.map((session) => [session.id, session]))
    const knownAs = (session: SessionSummary) => {
      const last = known.get(session.id)
      return last !== undefined && isOne(last, session) ? last : undefined
    }
    const next = new Map<number, SessionRates>()
    for (const session of now.sessions) {
      next.set(session.id, this.#of(session, knownAs(session), seconds))
    }
    this.#sessions = next
    if (before !== undefined && seconds > 0) {
      const rate = (key: "byteCount" | "packetCount" | "eventsDiscarded") =>
        Math.max(0, now.counters[key] - before.counters[key]) / seconds
      this.total = {
        bytes: rate("byteCount"),
        packets: rate("packetCount"),
        eventsDiscarded: rate("eventsDiscarded"),
        spark: []
      }
    }
  }

  #of(session: SessionSummary, before: SessionSummary | undefined, seconds: number): SessionRates {
    const spark = before === undefined ? undefined : this.#sessions.get(session.id)?.spark
    const past = spark ?? session.byteRates?.slice(-sparkCount) ?? []
    if (before === undefined || seconds <= 0) return { ...unknown, bytes: past.at(-1), spark: past }
    const rate = (key: "byteCount" | "packetCount" | "eventsDiscarded") =>
      Math.max(0, session[key] - before[key]) / seconds
    const bytes = rate("byteCount")
    return {
      bytes,
      packets: rate("packetCount"),
      eventsDiscarded: rate("eventsDiscarded"),
      spark: [...past, bytes].slice(-sparkCount)
    }
  }

  of(id: number): SessionRates {
    return this.#sessions.get(id) ?? unknown
  }
}
