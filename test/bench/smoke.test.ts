/**
 * The benchmark runs: every scenario, in its tiny form, against this repository's relay, gives its numbers.
 *
 * How good the numbers are is the report's business; a scenario the machine cannot run must say why.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Cases from "../../bench/Cases.ts"
import type { CaseResult } from "../../bench/Summary.ts"
import { daemonProgram } from "../support/bundle.ts"

const limitMs = 240_000
const root = path.resolve(import.meta.dirname, "../..")
const out = fs.mkdtempSync(path.join(os.tmpdir(), "bench-smoke-"))
let results: ReadonlyArray<CaseResult> = []

beforeAll(async () => {
  const args = ["bench/run.ts", "--smoke", "--only", "ours", "--out", out]
  await promisify(execFile)(process.execPath, args, {
    cwd: root,
    maxBuffer: 1 << 24,
    env: { ...process.env, BENCH_RELAYD: daemonProgram }
  })
  results = JSON.parse(fs.readFileSync(path.join(out, "report.json"), "utf8")).results
}, limitMs)

afterAll(() => fs.rmSync(out, { recursive: true, force: true }))

describe("a smoke run of the benchmark", () => {
  for (const whole of Cases.loadAll()) {
    it(`has numbers for ${whole.name}, or says why it cannot run here`, () => {
      const result = results.find(({ name }) => name === whole.name)
      const reasons = (result?.notes ?? []).filter((note) => note.includes("cannot run"))
      if (reasons.length > 0) return
      expect(result?.notes).toEqual([])
      const metrics = result?.rounds.ours?.[0]?.metrics ?? {}
      const missing = whole.show.filter((metric) => !Number.isFinite(metrics[metric]))
      expect(missing).toEqual([])
    })
  }

  it("finds every acknowledged packet in the files", () => {
    const losses = results.flatMap(({ name, rounds }) =>
      Object.entries(rounds.ours?.[0]?.metrics ?? {})
        .filter(([metric, value]) => metric.endsWith(".lostPackets") && value !== 0)
        .map(([metric, value]) => `${name} ${metric} ${value}`)
    )
    expect(losses).toEqual([])
  })

  it("writes a report that names every scenario and embeds pictures that exist", () => {
    const report = fs.readFileSync(path.join(out, "report.md"), "utf8")
    for (const { title } of Cases.loadAll()) expect(report).toContain(title)
    const pictures = [...report.matchAll(/\]\((.*?\.svg)\)/g)].map(([, file]) => file ?? "")
    expect(pictures.length).toBeGreaterThan(0)
    for (const file of pictures) expect(fs.readFileSync(path.join(out, file), "utf8")).toMatch(/^<svg/)
  })
})
