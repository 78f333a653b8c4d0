/**
 * What a viewer knows of its streams, and what it may show next: pure decisions over plain state.
 *
 * Per stream there is at most one unread packet. The oldest may be shown when no other stream can still produce an
 * older one, which its horizon tells: the time below which nothing new will come from it. Horizons never go back.
 *
 * A relay before 2.14 cannot say that a stream without packets is inactive. Its producer flushes every live period, so
 * after some periods of mere "retry" such a stream no longer holds the others back. With later ones it is the producer
 * that is late, as on a busy machine, or that hangs.
 */
import { fromCycles, type Scale } from "../ctf/model/Nanoseconds.ts"
import type * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import * as ViewerPhase from "./ViewerPhase.ts"

/** One stream as the relay announced it (live.md §3.5). */
export interface ViewedStream {
  readonly id: bigint
  readonly sessionId: bigint
  /** Groups a metadata stream with its data streams. */
  readonly traceId: bigint
  readonly isMetadata: boolean
  readonly path: string
  readonly channel: string
}

/** A packet's index as the live protocol tells it: its offset in bytes, sizes in bits, times in clock cycles. */
export type PacketIndex = Omit<GetNextIndex.Reply, "status" | "flags">

export interface Held {
  readonly index: PacketIndex
  readonly sinceMillis: number
}

/** One data stream. */
export interface DataState {
  readonly stream: ViewedStream
  readonly clock: () => Scale | undefined
  held: Held | undefined
  /** Nanoseconds; undefined before the first answer that tells. */
  horizon: bigint | undefined
  /** The last inactivity told, in cycles: an equal one is no news. */
  inactiveUntil: bigint | undefined
  /** Since when every answer was "retry". */
  retryingSinceMillis: number | undefined
  /** Whether it was told that the stream holds nothing back any more. */
  isSilenceTold: boolean
  polledMillis: number
  readonly phase: ViewerPhase.Phase
}

/**
 * Old relays never hang up a stream whose rotation was pending when it closed. So long after its session has ended, of
 * mere "retry", it counts as ended.
 */
const stuckPeriods = 5
const stuckMillisMin = 2000
/** Live periods of mere "retry" after which a stream holds nothing back. */
const patiencePeriods = 3
/** With a relay that tells of inactivity it takes at least this long. */
const latenessMillisMax = 5000

export const make = (
  stream: ViewedStream,
  clock: () => Scale | undefined,
  nowMillis: number,
  periodMillis = 1000
): DataState => ({
  stream,
  clock,
  held: undefined,
  horizon: undefined,
  inactiveUntil: undefined,
  retryingSinceMillis: undefined,
  isSilenceTold: false,
  polledMillis: Number.NEGATIVE_INFINITY,
  phase: ViewerPhase.make(periodMillis, nowMillis)
})

/** When the first of the streams is to be asked; `latestMillis` at the latest. */
export const dueMillisOf = (states: ReadonlyArray<DataState>, latestMillis: number): number =>
  states.reduce((least, { phase }) => Math.min(least, phase.dueMillis), latestMillis)

/** When the packet that is held begins, in nanoseconds. */
export const keyOf = (state: DataState): bigint | undefined =>
  state.held === undefined ? undefined : fromCycles(state.clock(), state.held.index.timestampBegin)

const raise = (state: DataState, cycles: bigint) => {
  const nanos = fromCycles(state.clock(), cycles)
  if (state.horizon === undefined || nanos > state.horizon) state.horizon = nanos
}

export const onPacket = (state: DataState, index: PacketIndex, nowMillis: number): void => {
  state.held = { index, sinceMillis: nowMillis }
  state.retryingSinceMillis = undefined
  state.isSilenceTold = false
  // Later packets of the stream begin no earlier than this one ends; until it is shown, its begin holds.
  raise(state, index.timestampBegin)
}

/** Answers whether that is news. All earlier packets of the stream were shown, or it would not have been asked. */
export const onInactive = (state: DataState, timestamp: bigint): boolean => {
  state.retryingSinceMillis = undefined
  state.isSilenceTold = false
  if (state.inactiveUntil !== undefined && timestamp <= state.inactiveUntil) return false
  state.inactiveUntil = timestamp
  raise(state, timestamp)
  return true
}

/** Until when the stream had nothing, if that was not told: the begin, in cycles, of a packet that waits for others. */
export const untoldBegin = (state: DataState): bigint | undefined => {
  const begin = state.held?.index.timestampBegin
  if (begin === undefined || (state.inactiveUntil !== undefined && begin <= state.inactiveUntil)) return undefined
  state.inactiveUntil = begin
  return begin
}

export const onRetry = (state: DataState, nowMillis: number): void => {
  state.retryingSinceMillis ??= nowMillis
}

/** Forgets the packet that is held, after it was shown. */
export const release = (state: DataState): void => {
  if (state.held !== undefined) raise(state, state.held.index.timestampEnd)
  state.held = undefined
}

/** For how many ms a stream that says nothing holds others back. */
export const patienceOf = (periodMillis: number, isInactivityTold: boolean): number =>
  Math.max(patiencePeriods * periodMillis, isInactivityTold ? latenessMillisMax : 0)

/** Whether the stream has said nothing for so long that it does not hold back what waits since `since`. */
export const isSilent = (state: DataState, since: number, nowMillis: number, patienceMillis: number): boolean => {
  if (state.retryingSinceMillis === undefined) return false
  const waited = nowMillis - Math.max(since, state.retryingSinceMillis)
  return waited >= patienceMillis
}

/** Whether the stream only says "retry" long after its session was over, at `overMillis`. */
export const isStuck = (state: DataState, overMillis: number, nowMillis: number, periodMillis: number): boolean => {
  const { retryingSinceMillis } = state
  if (retryingSinceMillis === undefined) return false
  return nowMillis - Math.max(retryingSinceMillis, overMillis) >= Math.max(stuckMillisMin, stuckPeriods * periodMillis)
}

export type Choice =
  | { readonly _tag: "Show"; readonly state: DataState }
  /** Nothing can be shown before one of these has news. */
  | { readonly _tag: "Poll"; readonly states: ReadonlyArray<DataState> }

export const choose = (states: Iterable<DataState>, nowMillis: number, patienceMillis: number): Choice => {
  const all = [...states]
  let oldest: DataState | undefined
  let key: bigint | undefined
  for (const state of all) {
    const own = keyOf(state)
    if (own === undefined || (key !== undefined && own >= key)) continue
    oldest = state
    key = own
  }
  if (oldest?.held === undefined || key === undefined) return { _tag: "Poll", states: all }
  const { sinceMillis } = oldest.held
  const least = key
  const blocking = all.filter(
    (state) =>
      state !== oldest &&
      state.held === undefined &&
      (state.horizon === undefined || state.horizon < least) &&
      !isSilent(state, sinceMillis, nowMillis, patienceMillis)
  )
  if (blocking.length === 0) return { _tag: "Show", state: oldest }
  return { _tag: "Poll", states: blocking }
}

/** Whether a packet waits for the streams that are polled: then they are asked more often. */
export const isPacketWaiting = (states: Iterable<DataState>): boolean => {
  for (const { held } of states) if (held !== undefined) return true
  return false
}
