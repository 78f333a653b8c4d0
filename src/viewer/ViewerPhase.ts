/**
 * When to ask a stream so that its news are seen within milliseconds and it is asked a few times per live period only:
 * its producer speaks once per period, at a phase that the news themselves tell; and a relay that tells of a quiet
 * stream in two steps (as ours does) is as regular. Pure; times in milliseconds.
 */
export interface Phase {
  readonly periodMillis: number
  /** When to ask next. */
  dueMillis: number
  /** When it was last asked and had nothing. */
  quietMillis: number
  /** What it had since then; the first of it came after `sinceMillis`. */
  news: "none" | "packet" | "inactive"
  sinceMillis: number
  /** How long before those news were seen `sinceMillis` was. */
  spreadMillis: number
  /** How often in a row the news of a period were there already when they were first asked for. */
  lateCount: number
  /** Until then it is asked all the time: it speaks out of turn as well, or its turn is not known. */
  restlessMillis: number
  /** From `fromMillis` on news are awaited; until `untilMillis` they are asked for at short intervals. */
  fromMillis: number
  untilMillis: number
  awaited: "period" | "step"
  /** The first news of this period came after this time. */
  beginMillis: number
  /** Those first news were inactivity: a second step may follow. */
  isStep: boolean
  /** Time from a first step to the second. */
  stepsMillis: number
  /** How often in a row there was no second step. */
  missCount: number
  delayMillis: number
}

/** Interval between two questions while news are expected, unless the period is very short. */
const closeMillis = 3
const delayGrowth = 1.5
/**
 * News may be late by this share of a period before questions become rarer; but by `lateMillis` at least, as machines
 * may be busy, and by `lateShareMax` of the period at most.
 */
const lateShare = 0.05
const lateMillis = 40
const lateShareMax = 0.25
/** Share of a period within which both steps of it lie. */
const stepsShareMax = 0.75
const missCountMax = 3
/** Shares of a period: how long a restless stream is asked all the time; how much too early is out of turn. */
const restlessShare = 1.5
const earlyShare = 0.1

/** Time from a first step to the second, to begin with: that of our relay (`model/Inactivity`). */
const firstStepsMillis = (periodMillis: number): number => Math.min(1000, Math.max(100, periodMillis / 2))

export const make = (periodMillis: number, nowMillis: number): Phase => ({
  periodMillis,
  dueMillis: nowMillis,
  quietMillis: nowMillis,
  news: "none",
  sinceMillis: nowMillis,
  spreadMillis: 0,
  lateCount: 0,
  restlessMillis: nowMillis,
  fromMillis: nowMillis,
  untilMillis: nowMillis + periodMillis,
  awaited: "period",
  beginMillis: nowMillis,
  isStep: false,
  stepsMillis: firstStepsMillis(periodMillis),
  missCount: 0,
  delayMillis: closeOf(periodMillis)
})

const closeOf = (periodMillis: number): number => Math.max(1, Math.min(closeMillis, periodMillis / 10))

/** The stream had news: it is asked again at once, since there may be more. */
export const onNews = (phase: Phase, nowMillis: number, isPacket: boolean): void => {
  if (phase.news === "none") onFirstNews(phase, nowMillis, isPacket)
  if (phase.news !== "packet") phase.news = isPacket ? "packet" : "inactive"
  phase.dueMillis = nowMillis
}

const onFirstNews = (phase: Phase, nowMillis: number, isPacket: boolean): void => {
  const { beginMillis, dueMillis, periodMillis, quietMillis } = phase
  const isPunctual = dueMillis === phase.fromMillis
  // News that were there already when first asked for came before: shortly before, or nobody knows when.
  if (phase.awaited === "period") phase.lateCount = isPunctual ? phase.lateCount + 1 : 0
  phase.sinceMillis = isPunctual ? Math.max(quietMillis, dueMillis - 2 * closeOf(periodMillis)) : quietMillis
  phase.spreadMillis = nowMillis - phase.sinceMillis
  const isEarly = isPacket && phase.sinceMillis < beginMillis + (1 - earlyShare) * periodMillis
  if (isEarly || isVague(phase) || phase.lateCount > 1) phase.restlessMillis = nowMillis + restlessShare * periodMillis
}

/** The news came some time between two questions that were far apart. */
const isVague = ({ periodMillis, spreadMillis }: Phase): boolean => spreadMillis > 4 * closeOf(periodMillis)

export const onNothing = (phase: Phase, nowMillis: number): void => {
  const { news } = phase
  phase.quietMillis = nowMillis
  phase.news = "none"
  if (news === "none") onStillNothing(phase, nowMillis)
  else onNewsOver(phase, news === "inactive", nowMillis)
}

const onStillNothing = (phase: Phase, nowMillis: number): void => {
  const { fromMillis, periodMillis, untilMillis } = phase
  const rare = periodMillis / 4
  const isLate = nowMillis > untilMillis
  if (nowMillis < fromMillis) {
    phase.delayMillis = Math.min(phase.delayMillis * delayGrowth, rare)
    awaitFrom(phase, nowMillis, phase.delayMillis)
  } else if (isLate && phase.awaited === "step") {
    // The second step is late, or there is none: it is asked for ever more rarely.
    phase.missCount++
    awaitPeriod(phase, nowMillis)
    awaitFrom(phase, nowMillis, phase.delayMillis)
  } else {
    const isSlowing = isLate && nowMillis >= phase.restlessMillis
    phase.delayMillis = isSlowing ? Math.min(phase.delayMillis * delayGrowth, rare) : closeOf(periodMillis)
    phase.dueMillis = nowMillis + phase.delayMillis
  }
}

const onNewsOver = (phase: Phase, isInactive: boolean, nowMillis: number): void => {
  const { beginMillis, periodMillis, sinceMillis } = phase
  const stepsMax = stepsShareMax * periodMillis
  const isSecond = isInactive && phase.isStep && sinceMillis - beginMillis < stepsMax
  if (isSecond) {
    if (!isVague(phase)) phase.stepsMillis = sinceMillis - beginMillis
    phase.missCount = 0
  } else {
    phase.beginMillis = sinceMillis
    phase.isStep = isInactive
  }
  const isFirst = isInactive && !isSecond
  const isAwaited = isFirst && phase.stepsMillis < stepsMax && phase.missCount < missCountMax
  if (isAwaited) awaitNews(phase, "step", sinceMillis + phase.stepsMillis, nowMillis)
  else awaitPeriod(phase, nowMillis)
  // Even if there was no second step for long, there may be one again.
  if (isFirst && !isAwaited) {
    phase.delayMillis = periodMillis / 4
    awaitFrom(phase, nowMillis, phase.delayMillis)
  }
}

const awaitPeriod = (phase: Phase, nowMillis: number): void =>
  awaitNews(phase, "period", phase.beginMillis + phase.periodMillis, nowMillis)

const awaitNews = (phase: Phase, awaited: Phase["awaited"], fromMillis: number, nowMillis: number): void => {
  const { periodMillis } = phase
  const close = closeOf(periodMillis)
  phase.awaited = awaited
  phase.fromMillis = Math.max(fromMillis, nowMillis + close)
  const late = Math.min(Math.max(lateShare * periodMillis, lateMillis), lateShareMax * periodMillis)
  phase.untilMillis = fromMillis + phase.spreadMillis + late + 2 * close
  phase.delayMillis = close
  awaitFrom(phase, nowMillis, Number.POSITIVE_INFINITY)
}

/** The next question is at `fromMillis`, or sooner, after a pause. */
const awaitFrom = (phase: Phase, nowMillis: number, pauseMillis: number): void => {
  const isRestless = nowMillis < phase.restlessMillis
  const pause = isRestless ? 2 * closeOf(phase.periodMillis) : pauseMillis
  phase.dueMillis = Math.min(nowMillis + pause, phase.fromMillis)
}
