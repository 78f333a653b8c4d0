/** Reports: pictures with everything on their axes, and two reports beside each other. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import type { Case } from "../../bench/Case.ts"
import * as Chart from "../../bench/Chart.ts"
import * as Compare from "../../bench/Compare.ts"
import type { Measurement } from "../../bench/Measurement.ts"
import * as Report from "../../bench/Report.ts"
import * as SpeedTable from "../../bench/SpeedTable.ts"
import * as Summary from "../../bench/Summary.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "bench-report-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const whole: Case = {
  name: "case",
  title: "a case",
  seconds: 4,
  groups: [{ label: "busy", role: "produce", sessions: 9, hostPerSession: true }],
  disks: [{ host: "bench", stallMs: [1000, 2000] }],
  show: ["busy.MBps"],
  floors: []
}

const round = (MBps: number, labels: ReadonlyArray<string> = ["busy-0"]): Measurement => ({
  metrics: { "busy.MBps": MBps, "busy.p99Ms": 3, rssPeakMiB: 100 },
  timelines: Object.fromEntries(
    labels.map((label, at) => [
      label,
      [
        [5, 1000 * (at + 1)],
        [0, 0],
        [3, 700]
      ]
    ])
  ),
  memory: [60, 70, 80],
  errors: []
})

const result = (ours: number, reference: number) =>
  Summary.summarize(whole, { ours: [round(ours)], reference: [round(reference)] }, [])

const textsOf = (svg: string | undefined) =>
  [...(svg ?? "").matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)

describe("a picture of ratios", () => {
  it("has everything on its axis, from 0.0006 to 30, in units and with a direction", () => {
    const svg = Chart.overview([result(0.6, 1000), result(30_000, 1000)])
    const texts = textsOf(svg)
    expect(texts).toEqual(expect.arrayContaining(["0.0006×", "30×", "0.0001×", "1×", "100×"]))
  })
})

describe("docs/pictures/speed.svg", () => {
  it("shows every row of the first table of docs/speed.md that has two numbers (after a change: -u)", async () => {
    const root = path.resolve(import.meta.dirname, "../..")
    const rows = SpeedTable.rows(fs.readFileSync(path.join(root, "docs/speed.md"), "utf8"))
    expect(rows.length).toBeGreaterThan(10)
    const svg = Chart.ratios(rows, "Ours beside lttng-relayd 2.13.9, two cores shared with the load")
    await expect(svg).toMatchFileSnapshot(path.join(root, "docs/pictures/speed.svg"))
  })
})

describe("a picture over time", () => {
  it("has at most five lines, shows the others as a band, and names what is shaded", () => {
    const labels = Array.from({ length: 9 }, (_, at) => `busy-${at}`)
    const one = round(1, [...labels, "a", "b", "c", "d", "e", "f"])
    const texts = textsOf(Chart.timeline(Summary.summarize(whole, { ours: [one] }, [])))
    const legend = texts.filter((text) => text?.startsWith("ours: "))
    expect(legend.filter((text) => !text?.includes("others"))).toHaveLength(5)
    expect(texts.join(" ")).toContain("ours: 10 others")
    expect(texts.join(" ")).toContain("shaded: the disk stalls")
  })
})

const written = (name: string, ...values: ReadonlyArray<number>) => {
  const folder = path.join(scratch, name)
  const machine = Report.machine({ ours: "1" }, "a generator", scratch, scratch)
  Report.write(folder, machine, values.length, [
    Summary.summarize(whole, { ours: values.map((value) => round(value)) }, [])
  ])
  return folder
}

describe("the head of a report", () => {
  it("says what the host took of the processors, over all runs", () => {
    const runs = [0.25, 0.5].map((share) => {
      const one = round(100)
      return { ...one, metrics: { ...one.metrics, stolenCpuShare: share } }
    })
    const machine = Report.machine({ ours: "1" }, "a generator", scratch, scratch)
    const results = [Summary.summarize(whole, { ours: runs.slice(0, 1), reference: runs.slice(1) }, [])]
    const report = Report.write(path.join(scratch, "stolen"), machine, 1, results)
    const [head = ""] = fs.readFileSync(report, "utf8").split("## Floors")
    expect(head).toContain("host took 0.25 to 0.5 processors")
  })
})

describe("a report", () => {
  it("has answer times of every group and the relay's costs, whatever the case shows", () => {
    const report = fs.readFileSync(path.join(written("shown", 1), "report.md"), "utf8")
    expect(report).toMatch(/^\| `busy\.p99Ms` ↓ answer time, 99 of 100, ms \| 3 \|$/m)
    expect(report).toMatch(/^\| `rssPeakMiB` ↓ most memory, MiB \| 100 \|$/m)
  })
})

describe("two reports beside each other", () => {
  it("say what became better or worse beyond the spread of rounds", () => {
    const [slow, fast, near] = [
      written("slow", 90, 100, 110),
      written("fast", 190, 200, 210),
      written("near", 105, 120, 130)
    ]
    const verdict = (before: string, after: string) =>
      /\| ours `busy\.MBps`.*\| ([^|]*) \|$/m.exec(Compare.compare(Compare.read(before), Compare.read(after)))?.[1]
    expect(verdict(slow, fast)).toBe("**better**")
    expect(verdict(fast, slow)).toBe("**worse**")
    expect(verdict(slow, near)).toBe("within the spread")
    expect(verdict(slow, written("once", 1))).toBe("too few rounds")
  })

  it("are refused with the file's name where they are none", () => {
    fs.writeFileSync(path.join(scratch, "other.json"), '{"a":1}')
    expect(() => Compare.read(path.join(scratch, "other.json"))).toThrow(/other\.json: .*machine/)
    expect(() => Compare.read(path.join(scratch, "nowhere"))).toThrow(
      /nowhere\/report\.json: No such file or directory/
    )
  })
})
