/**
 * When to ask a stream so that its news are seen within milliseconds and it is asked a few times per live period only:
 * its producer speaks once per period, at a phase that the news themselves tell. Pure; times in milliseconds.
 */
export interface Phase {
  readonly periodMillis: number
  /** When to ask next. */
  dueMillis: number
  /** The last time that it had nothing: the news came after. */
  quietMillis: number
  /** Of the first of the last news in a row. */
  newsMillis: number
  newsAfterMillis: number
  hasNews: boolean
  delayMillis: number
}

/** From question to question while news are expected. */
const stepMillis = 4
const delayGrowth = 1.5
/** News may be late by so much of a period before the pace slows down. */
const lateness = 0.05

export const make = (periodMillis: number, nowMillis: number): Phase => ({
  periodMillis,
  dueMillis: nowMillis,
  quietMillis: nowMillis,
  newsMillis: nowMillis,
  newsAfterMillis: nowMillis,
  hasNews: false,
  delayMillis: stepOf(periodMillis)
})

const stepOf = (periodMillis: number): number => Math.max(1, Math.min(stepMillis, periodMillis / 10))

/** There may be more at once. */
export const onNews = (phase: Phase, nowMillis: number): void => {
  if (!phase.hasNews) {
    phase.newsMillis = nowMillis
    phase.newsAfterMillis = phase.quietMillis
  }
  phase.hasNews = true
  phase.dueMillis = nowMillis
}

export const onNothing = (phase: Phase, nowMillis: number): void => {
  const { periodMillis } = phase
  const step = stepOf(periodMillis)
  phase.quietMillis = nowMillis
  if (phase.hasNews) {
    phase.hasNews = false
    phase.delayMillis = step
    phase.dueMillis = Math.max(nowMillis + step, phase.newsAfterMillis + periodMillis)
    return
  }
  const isLate = nowMillis > phase.newsMillis + periodMillis * (1 + lateness) + 2 * step
  phase.delayMillis = isLate ? Math.min(phase.delayMillis * delayGrowth, periodMillis / 4) : step
  phase.dueMillis = nowMillis + phase.delayMillis
}
