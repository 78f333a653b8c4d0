/**
 * How long an event waits until a viewer may show it: the relay's decisions about quiet streams and the viewer's about
 * when to ask, on one imagined clock, for generated phases of the streams' timers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Lead } from "../../src/model/Lead.ts"
import { Stream } from "../../src/model/Stream.ts"
import { atBeginning, type Surroundings } from "../../src/model/ViewerCursor.ts"
import * as ViewerPhase from "../../src/viewer/ViewerPhase.ts"
import { Random } from "../support/Random.ts"

const cyclesPerMilli = 1000
/** From the timer to the relay, in milliseconds, at most. */
const transportMillis = 3
/** What the viewer takes for a question. */
const roundTripMillis = 0.3
const allowanceMillis = 10
/** The first periods, when the viewer does not know the streams yet, are no measure. */
const settledPeriods = 3
const periodCount = 30

const nothing = () => {}
const noFiles = {
  openData: nothing,
  closeData: nothing,
  openIndex: nothing,
  skipRecords: nothing,
  closeIndex: nothing,
  move: nothing,
  truncate: nothing,
  leaveChunk: nothing
}

type Pick = (below: number) => number

/** Of all ticks, those with something to flush. */
type Speaks = (tick: number) => boolean

/** A stream at the relay, and what a viewer that asks in its phase knows of it. */
class Watched {
  readonly #arrivals: Array<{ readonly at: number; readonly end: number; readonly isPacket: boolean }> = []
  readonly #ends: Array<number> = []
  readonly #cursor = atBeginning()
  readonly #model: Stream<string>
  readonly phase: ViewerPhase.Phase
  /** Up to which time it is known, in milliseconds. */
  known = 0
  questionCount = 0
  #seq = 0n

  constructor(
    timerMillis: number,
    ticks: Iterable<number>,
    { pick, speaks }: { readonly pick: Pick; readonly speaks: Speaks }
  ) {
    this.#model = new Stream({
      isMetadata: false,
      hasIndex: true,
      recordFieldBytes: 64,
      tracefileSize: 0,
      tracefileCount: 0,
      chunk: "chunk",
      hold: new Lead(timerMillis * 1000),
      actions: { ...noFiles, record: nothing }
    })
    this.phase = ViewerPhase.make(timerMillis, 0)
    let tick = 0
    for (const end of ticks) this.#arrivals.push({ at: end + pick(transportMillis), end, isPacket: speaks(tick++) })
  }

  /** What has come until now. */
  receive(now: number): void {
    for (let next = this.#arrivals[0]; next !== undefined && next.at <= now; next = this.#arrivals[0]) {
      this.#arrivals.shift()
      if (!next.isPacket) {
        this.#model.addBeacon(BigInt(Math.round(next.end * cyclesPerMilli)), next.at)
        continue
      }
      this.#model.beginPacket(this.#seq, 16, 0)
      this.#model.endPacket()
      this.#model.addIndex(this.#seq, this.#seq, Buffer.alloc(64), 0)
      this.#seq++
      this.#ends.push(next.end)
    }
  }

  ask(nowMillis: number, viewer: Surroundings["viewer"]): void {
    if (nowMillis > settledPeriods * this.phase.periodMillis) this.questionCount++
    const answer = this.#cursor.next(this.#model, {
      viewer,
      nowMillis,
      cyclesPerMilli,
      isOngoingRotation: false,
      isConnectionClosed: false,
      hasFailed: false,
      described: () => "yes",
      isRipe: () => true,
      isReadable: () => true,
      isMetadataBehind: false
    })
    if (answer === "ok") {
      this.known = this.#ends[this.#cursor.seq] as number
      this.#cursor.shownUntil = this.known * cyclesPerMilli
      this.#cursor.advance()
      ViewerPhase.onNews(this.phase, nowMillis, true)
      return
    }
    const until = Number(this.#cursor.inactiveUntil ?? 0n) / cyclesPerMilli
    const isNews = answer === "inactive" && until > this.known
    if (isNews) this.known = until
    if (isNews) ViewerPhase.onNews(this.phase, nowMillis, false)
    else ViewerPhase.onNothing(this.phase, nowMillis)
  }
}

const streamsOf = (timerMillis: number, pick: Pick) => {
  const kinds: ReadonlyArray<Speaks> = [() => true, () => false, (tick) => tick % 7 < 3, () => pick(2) < 1]
  return kinds.map((speaks) => {
    const phase = pick(timerMillis)
    const ticks = Array.from({ length: periodCount }, (_, tick) => phase + tick * timerMillis)
    return new Watched(timerMillis, ticks, { pick, speaks })
  })
}

/** The longest wait of any event, and questions per stream and period. */
const watch = (timerMillis: number, seed: number, announcesFirst: boolean) => {
  const random = new Random(seed)
  const streams = streamsOf(timerMillis, (below) => random.next() * below)
  const viewer = { unknown: "none", heeds: "all", announcesFirst, latestTold: undefined, latestEnd: 0 } as const
  let waitMillis = 0
  let shown = settledPeriods * timerMillis
  const end = (periodCount - 2) * timerMillis
  for (
    let now = 0;
    now < end;
    now = Math.max(now + roundTripMillis, Math.min(...streams.map((s) => s.phase.dueMillis)))
  ) {
    for (const stream of streams) {
      stream.receive(now)
      if (stream.phase.dueMillis <= now) stream.ask(now, viewer)
    }
    const known = Math.min(...streams.map((stream) => stream.known))
    // An event just after what was shown before has waited until now.
    if (known > shown) {
      waitMillis = Math.max(waitMillis, now - shown)
      shown = known
    }
  }
  const questions = streams.reduce((sum, { questionCount }) => sum + questionCount, 0)
  return { waitMillis, questions: questions / streams.length / (periodCount - settledPeriods) }
}

describe("from an event to its line", () => {
  const ways = [
    {
      announcesFirst: true,
      of: "user space",
      timers: [2, 5, 10, 20, 40, 50, 100, 200, 1000, 3000, 10_000]
    },
    { announcesFirst: false, of: "the kernel", timers: [200, 400, 1000, 3000, 10_000] }
  ]
  const cases = ways.flatMap(({ timers, ...way }) => timers.map((timerMillis) => ({ ...way, timerMillis })))
  for (const { announcesFirst, of, timerMillis } of cases) {
    it(`of ${of}: at most the live timer of ${timerMillis} ms and ${allowanceMillis} ms, with few questions`, () => {
      for (let seed = 1; seed <= 40; seed++) {
        const { questions, waitMillis } = watch(timerMillis, seed, announcesFirst)
        assert.isAtMost(waitMillis, timerMillis + allowanceMillis, `seed ${seed}`)
        assert.isAbove(waitMillis, timerMillis / 2, `seed ${seed}: nothing was measured`)
        assert.isBelow(questions, 40, `seed ${seed}`)
      }
    })
  }
})
