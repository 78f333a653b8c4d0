/** Cases and arguments: what a person may say, what comes of it, and what is said of a mistake. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, Logger, Schema } from "effect"
import { afterAll, describe, expect, it, vi } from "vitest"
import { CaseFile } from "../../bench/Case.ts"
import * as Cases from "../../bench/Cases.ts"
import * as Quantity from "../../bench/Quantity.ts"
import * as Reference from "../../bench/Reference.ts"
import { TestRelay } from "../../src/testing/index.ts"
import { daemonProgram } from "../support/bundle.ts"

// Several processes that start a whole runtime, beside those of other suites.
vi.setConfig({ testTimeout: 120_000 })

const root = path.resolve(import.meta.dirname, "../..")
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "bench-cases-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const file = (name: string, content: unknown) => {
  const at = path.join(scratch, name)
  fs.writeFileSync(at, typeof content === "string" ? content : JSON.stringify(content))
  return at
}

const program = (name: string, script: string) => {
  const at = path.join(scratch, name)
  fs.mkdirSync(path.dirname(at), { recursive: true })
  fs.writeFileSync(at, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return at
}

const sound = {
  title: "mine",
  seconds: 4,
  groups: [
    { label: "busy", role: "produce", sessions: 9, windowMs: [1000, 3000] },
    { label: "seen", role: "view", sessions: 1, of: "busy" }
  ],
  disks: [{ host: "bench", stallMs: [1000, 2000] }],
  show: ["busy.MBps", "seen.behind"],
  floors: [{ metric: "busy.MBps", of: "ratio", atLeast: 1 }]
}

const withGroup = (change: object) => ({ ...sound, groups: [{ ...sound.groups[0], ...change }, sound.groups[1]] })

describe("a case file", () => {
  it("is described by the published schema", () => {
    const published = JSON.parse(fs.readFileSync(path.join(root, "bench/case.schema.json"), "utf8"))
    const { $schema: _draft, title: _title, ...stated } = published
    const { schema } = Schema.toJsonSchemaDocument(CaseFile, { onExcessProperty: "error" })
    expect(stated).toEqual(JSON.parse(JSON.stringify(schema)))
  })

  it.each([
    ["{", /^.*mine.json: Expected property name or '}' in JSON at position 1 \(line 1 column 2\)$/],
    [withGroup({ role: "sing" }), /mine.json: .*"produce".*\["groups"\]\[0\]\["role"\]$/],
    [withGroup({ sessions: 0 }), /\["groups"\]\[0\]\["sessions"\]/],
    [{ ...sound, grops: [] }, /"grops"/],
    [
      { ...sound, show: ["busy.MBps", "busy.speed"] },
      /mine.json: show\[1\]: "busy.speed" is not measured; busy.packetsPer/
    ],
    [{ ...sound, floors: [{ metric: "x", of: "value" }] }, /floors\[0\].metric: "x" is not measured/],
    [withGroup({ of: "nobody" }), /groups\[0\].of: no group has the label "nobody"/],
    [{ ...sound, alone: ["nobody"] }, /alone\[0\]: no group has the label "nobody"/],
    [withGroup({ windowMs: [1000, 5000] }), /groups\[0\].windowMs: ends after the case's 4 s/]
  ])("says in one line what is wrong, and where (%#)", (content, said) => {
    const mine = file("mine.json", content)
    expect(() => Cases.read(mine)).toThrow(said)
    expect(() => Cases.read(mine)).not.toThrow(/\n/)
  })

  it("in another length keeps its shape", () => {
    const half = Cases.lasting(Cases.read(file("sound.json", sound)), 2)
    expect([half.groups[0]?.windowMs, half.disks?.[0]?.stallMs]).toEqual([
      [500, 1500],
      [500, 1000]
    ])
  })

  it("has a slow disk for each n-th session in a group of its own", () => {
    const whole = Cases.under(Cases.read(file("sound.json", sound)), {
      link: undefined,
      disk: { every: 4, writeBytesPerSecond: 5e6 }
    })
    const parts = whole.groups.map(({ host, label, sessions }) => [label, sessions, host])
    expect(parts).toEqual([
      ["busy", 7, undefined],
      ["busy-slow", 2, "slow"],
      ["seen", 1, undefined]
    ])
    expect(whole.disks?.at(-1)).toEqual({ host: "slow", writeBytesPerSecond: 5e6 })
  })
})

describe("a quantity", () => {
  it("is read in its own notation", () => {
    expect(Quantity.bitsPerSecond("20Mbit/s")).toBe(20e6)
    expect(Quantity.bytesPerSecond("1.5MB/s")).toBe(1.5e6)
    expect(Quantity.milliseconds("2s")).toBe(2000)
    expect(Quantity.recurring("500ms@10s")).toEqual({ lastsMs: 500, everyMs: 10_000 })
    expect(Quantity.cut("half-open@1s")).toEqual({ how: "half-open", atMs: 1000 })
    expect([Quantity.extent("all"), Quantity.extent("every:3"), Quantity.extent("host:a")]).toEqual([
      {},
      { every: 3 },
      { host: "a" }
    ])
  })

  it.each([
    [Quantity.bytesPerSecond, ["5", "5MB", "MB/s", "-5MB/s", "0MB/s", "5mb/s"]],
    [Quantity.milliseconds, ["100", "1d", "", "-1s"]],
    [Quantity.recurring, ["2s", "10s@10s", "2s@", "@10s", "0s@10s", "1s@2s@3s"]],
    [Quantity.cut, ["reset", "reset@", "burn@1s"]],
    [Quantity.extent, ["every:0", "host:", "some"]]
  ])("that is none is refused (%#)", (parse, texts) => {
    for (const text of texts) expect(() => parse(text), text).toThrow()
  })
})

describe("the reference", () => {
  it("is the first lttng-relayd in PATH that is LTTng's, by what --version says", () => {
    program("ours/lttng-relayd", "echo 0.1.0")
    const theirs = program("theirs/lttng-relayd", "echo 2.14.0 - Name")
    const searched = ["nowhere", "ours", "theirs"].map((name) => path.join(scratch, name)).join(":")
    expect(Reference.installed(searched)).toEqual({ command: theirs, version: "2.14.0 - Name" })
    expect(Reference.installed(path.join(scratch, "nowhere"))).toBeUndefined()
    expect(() => Reference.installed(path.join(scratch, "ours"))).toThrow(/the only lttng-relayd in PATH is ours/)
  })

  it("is never ourselves, by whatever name", () => {
    const ours = program("renamed", `exec "${process.execPath}" "${daemonProgram}" "$@"`)
    expect(() => Reference.named(ours)).toThrow(/is our own relay: its --version says "\d/)
    expect(() => Reference.named("/nowhere/lttng-relayd")).toThrow(/is not a program/)
  })
})

const bench = (...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }>((resolve) => {
    const env = { ...process.env, BENCH_RELAYD: daemonProgram, TMPDIR: scratch }
    const command = [path.join(root, "bench/run.ts"), ...args]
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    })
  })

describe("bench", () => {
  it.each([
    [["nosuch"], /^Error: no case's name contains "nosuch"/],
    [["--rounds", "many"], /^Error: .*--rounds/],
    [["--disk", "fast"], /^Error: .*fast is not a rate like 5MB\/s or 20Mbit\/s/],
    [["--seconds", "1", "--stall", "2s@10s", "large"], /^Error: --seconds 1: large-packets needs 10/],
    [["--reference", "/nowhere"], /^Error: \/nowhere is not a program/],
    [["--relay", "net://no.invalid"], /^Error: net:\/\/no.invalid: no.invalid has no IPv4 address/],
    [["--tcp", "nosuch"], /^Error: --tcp nosuch: this kernel has .*reno/],
    [["--relay", "net://127.0.0.1", "--tcp", "reno"], /^Error: --relay and --tcp: one of them/],
    [["--relay", "localhost:1"], /^Error: localhost:1: not a URL like net:/],
    [["--case", "/nowhere.json"], /^Error: \/nowhere.json: No such file or directory/],
    [["--frobnicate"], /^Error: Unrecognized flag: --frobnicate/]
  ])("refuses %j in one line, with status 2", async (args, said) => {
    const { code, stderr, stdout } = await bench(...args)
    expect([code, stdout]).toEqual([2, ""])
    expect(stderr).toMatch(said)
    expect(stderr.trim()).not.toContain("\n")
  })

  it("ends with status 1 if its list cannot be written", () => {
    const command = '"$0" "$1" --list >/dev/full'
    const { status, stderr } = spawnSync("sh", ["-c", command, process.execPath, path.join(root, "bench/run.ts")])
    expect([status, String(stderr)]).toEqual([1, "Error: cannot write to standard output: No space left on device\n"])
  })

  it("ends with status 1 if a floor is missed, when asked to check, and leaves nothing behind", async () => {
    const whole = { ...sound, seconds: 0.2, disks: [], groups: [{ label: "busy", role: "produce", sessions: 1 }] }
    const floors = [{ metric: "busy.MBps", of: "value", atLeast: 1e9 }]
    const mine = file("missed.json", { ...whole, show: ["busy.MBps"], floors })
    const place = path.join(scratch, "place")
    fs.mkdirSync(place)
    const options = (out: string) => [`--out=${scratch}/${out}`, "--only=ours", "--rounds=1", `--output=${place}`]
    const [checked, unchecked] = await Promise.all([
      bench("--case", mine, ...options("checked"), "--check"),
      bench("--case", mine, ...options("unchecked"))
    ])
    expect([checked.code, unchecked.code]).toEqual([1, 0])
    expect(checked.stderr).toMatch(/Error: 1 floor missed: missed busy.MBps\n$/)
    expect(fs.readdirSync(place)).toEqual([])
    expect(fs.readdirSync(scratch).filter((name) => name.startsWith("relay-bench-"))).toEqual([])
  })
})

describe("bench --relay", () => {
  it("measures a relay that runs already, and leaves it running", async () => {
    const groups = [{ label: "busy", role: "produce", sessions: 2 }]
    const mine = file("running.json", { ...sound, seconds: 0.2, disks: [], groups, show: ["busy.MBps"], floors: [] })
    const out = path.join(scratch, "running")
    const result = await Effect.runPromise(
      Effect.gen(function* () {
        const { controlPort, dataPort, output, relay } = yield* TestRelay.make()
        const url = `net://localhost:${controlPort}:${dataPort}`
        const ended = yield* Effect.promise(() => bench("--relay", url, "--case", mine, "--rounds=1", `--out=${out}`))
        const { packetCount } = yield* relay.counters
        return { ...ended, packetCount, files: output.files().length }
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
    )
    expect(result.code).toBe(0)
    expect(Math.min(Number(result.packetCount), result.files)).toBeGreaterThan(0)
    const { results } = JSON.parse(fs.readFileSync(path.join(out, "report.json"), "utf8"))
    const measured = Object.keys(results[0].spreads.running)
    expect(measured).toEqual(expect.arrayContaining(["busy.MBps", "cpuMicrosPerPacket", "rssPeakMiB"]))
    expect(results[0].notes).toEqual([])
  })
})

/** Started, and let go on until it measures. */
const interrupted = (place: string, how: (child: ChildProcess) => void) =>
  new Promise<number | null>((resolve) => {
    fs.mkdirSync(place)
    const env = { ...process.env, BENCH_RELAYD: daemonProgram, TMPDIR: place }
    const options = ["--only=ours", "--rounds=1", "--seconds=60", `--output=${place}`, `--out=${place}.out`]
    const child = spawn(process.execPath, [path.join(root, "bench/run.ts"), ...options, "one-session"], { env })
    child.stderr.once("data", () => {
      const isUnderWay = setInterval(() => {
        if (!fs.readdirSync(place, { recursive: true }).some((name) => String(name).endsWith(".idx"))) return
        clearInterval(isUnderWay)
        how(child)
      }, 20)
    })
    child.once("exit", (code) => resolve(code))
  })

describe("bench that is interrupted", () => {
  it("by any signal ends its relay and removes its directories", async () => {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
    const places = signals.map((signal) => path.join(scratch, signal))
    await Promise.all(signals.map((signal, at) => interrupted(places[at] as string, (child) => child.kill(signal))))
    expect(places.map((place) => fs.readdirSync(place))).toEqual([[], [], []])
  })

  it("when nobody reads any more ends by itself and removes its directories", async () => {
    const { code } = await bench("--list")
    expect(code).toBe(0)
    const place = path.join(scratch, "piped")
    fs.mkdirSync(place)
    const words = `"${process.execPath}" bench/run.ts --only=ours --rounds=9 --seconds=0.2 --output=${place} --out=${scratch}/out`
    const command = `${words} one-session 2>&1 | head -1`
    const env = { ...process.env, BENCH_RELAYD: daemonProgram, TMPDIR: place }
    const said = await new Promise<string>((resolve) => {
      execFile("bash", ["-c", command], { cwd: root, env }, (_error, stdout) => resolve(stdout))
    })
    expect(said.trim()).toBe("one-session round 1/9 ours")
    expect(fs.readdirSync(place)).toEqual([])
  })
})
