import { describe, expect, it } from "vitest"
import type { Case } from "../../bench/Case.ts"
import type { Measurement } from "../../bench/Measurement.ts"
import * as Summary from "../../bench/Summary.ts"

const whole: Case = {
  name: "case",
  title: "a case",
  order: 1,
  seconds: 1,
  groups: [{ label: "busy", role: "produce", sessions: 1 }],
  show: ["busy.packetsPerSecond"],
  floors: [
    { metric: "busy.packetsPerSecond", of: "ratio", atLeast: 1.5 },
    { metric: "rssPeakMiB", of: "value", atMost: 256 }
  ]
}

const round = (packetsPerSecond: number, generatorCpuShare = 0.1, rssPeakMiB = 100): Measurement => ({
  metrics: { "busy.packetsPerSecond": packetsPerSecond, generatorCpuShare, rssPeakMiB },
  timelines: {},
  memory: [],
  errors: []
})

const verdicts = (result: Summary.CaseResult) => result.floors.map(({ verdict }) => verdict)

describe("a spread", () => {
  it("has the middle value of an odd count and the mean of the middle two of an even count", () => {
    expect(Summary.spread([9, 1, 5])).toEqual({ median: 5, least: 1, most: 9 })
    expect(Summary.spread([4, 1, 2, 9]).median).toBe(3)
  })
})

describe("a summary", () => {
  it("compares medians, so one bad round changes nothing", () => {
    const result = Summary.summarize(
      whole,
      { ours: [round(200), round(190), round(10)], reference: [round(100), round(90), round(95)] },
      []
    )
    expect(result.ratios["busy.packetsPerSecond"]).toBe(2)
    expect(verdicts(result)).toEqual(["pass", "pass"])
  })

  it("fails a floor that is missed", () => {
    const result = Summary.summarize(whole, { ours: [round(140, 0.1, 300)], reference: [round(100)] }, [])
    expect(verdicts(result)).toEqual(["fail", "fail"])
  })

  it("fails every floor of a run that lost sessions, however fast it was", () => {
    const broken = { ...round(1000), errors: ["busy: 1 × data connection closed by the relay"] }
    const result = Summary.summarize(whole, { ours: [broken], reference: [round(100)] }, [])
    expect(verdicts(result)).toEqual(["fail", "fail"])
    expect(result.notes).toEqual(["ours: busy: 1 × data connection closed by the relay"])
  })

  it("does not judge a ratio when the generator set the pace", () => {
    const rounds = { ours: [round(95, 0.95)], reference: [round(90, 0.95)], null: [round(100, 0.99)] }
    const result = Summary.summarize(whole, rounds, [])
    expect(result.generatorBound).toEqual(["ours", "reference"])
    expect(verdicts(result)).toEqual(["generator-bound", "pass"])
  })

  it("judges a ratio near the null relay's rate when the generator was idle most of the time: a round trip's limit", () => {
    const rounds = { ours: [round(95, 0.4)], reference: [round(100, 0.4)], null: [round(100, 0.5)] }
    expect(verdicts(Summary.summarize(whole, rounds, []))).toEqual(["fail", "pass"])
  })

  it("says not measured without a reference", () => {
    const result = Summary.summarize(whole, { ours: [round(100)] }, ["reference: lttng-relayd is not installed"])
    expect(verdicts(result)).toEqual(["not measured", "pass"])
    expect(result.notes).toEqual(["reference: lttng-relayd is not installed"])
  })
})
