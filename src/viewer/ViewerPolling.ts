/**
 * How often a viewer asks: at once while packets come, ever more rarely while none do, tied to the live timer, since a
 * quiet stream has one thing to tell per period. Pure.
 *
 * An idle session is asked a few times per period whatever its number of streams, so its streams take turns; the first
 * packet ends the idleness and everything is asked again at once.
 */
export interface Polling {
  readonly periodMillis: number
  delayMillis: number
  /** Pauses since the last packet, summed. */
  quietMillis: number
}

const delayMaxMillis = 1000
/** Shortest pause in an idle session, even if the live timer is a few milliseconds. */
const idleDelayMinMillis = 100
const idleAfterPeriods = 2
/** Streams of an idle session that are asked per period, at least; with one question for new streams, four in all. */
const idleRequestsMin = 3
/** A turn of all streams of an idle session takes at most so many periods. */
const idleTurnPeriodsMax = 4
const emptyMillisMax = 1000
/** Bounds of the pause between questions where news are to be seen soon. */
const promptMillisMin = 10
export const promptMillisMax = 100

export const make = (periodMillis: number): Polling => ({
  periodMillis,
  delayMillis: firstDelay(periodMillis),
  quietMillis: 0
})

const firstDelay = (periodMillis: number) => Math.max(1, Math.min(100, periodMillis / 10))

export const onPacket = (polling: Polling): void => {
  polling.delayMillis = firstDelay(polling.periodMillis)
  polling.quietMillis = 0
}

/** How long to wait after a round that brought no packet. */
export const onQuiet = (polling: Polling, isPacketWaiting: boolean): number => {
  const delay = isIdle(polling) && !isPacketWaiting ? idleDelay(polling) : polling.delayMillis
  polling.quietMillis += delay
  polling.delayMillis = Math.min(polling.delayMillis * 2, polling.periodMillis / 2, delayMaxMillis)
  return delay
}

export const isIdle = ({ quietMillis, periodMillis }: Polling): boolean =>
  quietMillis >= Math.min(idleAfterPeriods * periodMillis, 2 * delayMaxMillis)

const idleDelay = ({ periodMillis }: Polling) => Math.max(periodMillis, idleDelayMinMillis)

/** The streams whose turn it is: all, or in an idle session those that were not asked for the longest time. */
export const turn = <S extends { readonly polledMillis: number }>(
  polling: Polling,
  states: ReadonlyArray<S>,
  isPacketWaiting: boolean
): ReadonlyArray<S> => {
  if (!isIdle(polling) || isPacketWaiting) return states
  const count = Math.max(idleRequestsMin, Math.ceil(states.length / idleTurnPeriodsMax))
  return [...states].sort((a, b) => a.polledMillis - b.polledMillis).slice(0, count)
}

/**
 * Pause between two questions for new streams to a session without any. There is nothing else to ask it, and this is
 * how its end and its first stream show.
 */
export const emptyMillis = (periodMillis: number, isPrompt: boolean): number =>
  isPrompt
    ? Math.max(promptMillisMin, Math.min(periodMillis / 10, promptMillisMax))
    : Math.min(periodMillis / 2, emptyMillisMax)
