/** The benchmark as the package has it: bundled, without its libraries beside it, started by the toolbox. */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { type OutputOptions, rolldown } from "rolldown"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import config from "../../rolldown.bench.config.ts"
import { daemonProgram, toolboxProgram } from "../support/bundle.ts"

const root = path.resolve(import.meta.dirname, "../..")
const place = fs.mkdtempSync(path.join(os.tmpdir(), "bench-built-"))
const toolbox = path.join(place, "dist/bin/lttng-relay.js")

beforeAll(async () => {
  const bundle = await rolldown(config)
  await bundle.write({ ...(config.output as OutputOptions), dir: path.join(place, "dist/bench") })
  fs.cpSync(path.dirname(toolboxProgram), path.dirname(toolbox), { recursive: true })
  for (const part of JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).files) {
    if (!part.startsWith("bench/")) continue
    fs.cpSync(path.join(root, part), path.join(place, part), { recursive: true })
  }
  fs.copyFileSync(path.join(root, "package.json"), path.join(place, "package.json"))
})

afterAll(() => fs.rmSync(place, { recursive: true, force: true }))

describe("lttng-relay bench", () => {
  it("measures our relay, over slow files and behind a slow network, with nothing but the package", async () => {
    const args = [
      "bench",
      "--smoke",
      "--only=ours",
      "--disk=20MB/s",
      "--disk-by=files",
      "--link=50Mbit/s",
      "control-latency"
    ]
    const env = { ...process.env, BENCH_RELAYD: daemonProgram }
    const { stdout } = await promisify(execFile)(process.execPath, [toolbox, ...args], { cwd: place, env })
    const folder = path.dirname(stdout.trim())
    expect(path.dirname(folder)).toBe(path.join(fs.realpathSync(place), "bench-results"))
    const { results } = JSON.parse(fs.readFileSync(path.join(folder, "report.json"), "utf8"))
    expect(results[0].notes).toEqual([])
    expect(results[0].spreads.ours["busy.packetsPerSecond"].median).toBeGreaterThan(0)
  })
})
