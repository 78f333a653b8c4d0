/** `--stream-intersection`: of each trace the time in which all of its streams are active, as babeltrace2 finds it. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Text from "../../src/ctf/print/Text.ts"
import { between, contains, type Interval, isAlways } from "../../src/ctf/recorded/Interval.ts"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { describeWithPeers } from "../support/peers.ts"

const root = mkdtempSync(join(tmpdir(), "intersection-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const metadata = (hasEnd: boolean): string => `/* CTF 1.8 */
typealias integer { size = 8; } := u8;
typealias integer { size = 64; } := u64;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { u8 stream_instance_id; }; };
env { tracer_name = "lttng-ust"; tracer_major = 2; tracer_minor = 13; };
clock { name = c; freq = 1000000000; absolute = true; };
typealias integer { size = 64; map = clock.c.value; } := time;
stream {
  packet.context := struct {
    u64 packet_size; u64 events_discarded; time timestamp_begin; ${hasEnd ? "time timestamp_end;" : ""}
  };
  event.header := struct { time timestamp; };
};
event { name = e; fields := struct { u8 x; }; };
`

/** Times in nanoseconds. */
interface Packet {
  readonly begin: number
  readonly end: number
  readonly events?: ReadonlyArray<number>
  readonly discarded?: number
}

const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

const bytesOf = (instance: number, packet: Packet, hasEnd: boolean): Buffer => {
  const { begin, discarded = 0, end, events = [] } = packet
  const records = events.flatMap((at) => [u64(at), Buffer.of(instance)])
  const context = [u64(discarded), u64(begin), ...(hasEnd ? [u64(end)] : [])]
  const rest = Buffer.concat([...context, ...records])
  return Buffer.concat([Buffer.of(instance), u64((9 + rest.length) * 8), rest])
}

type Streams = ReadonlyArray<ReadonlyArray<Packet>>

const write = (traces: Readonly<Record<string, Streams>>, hasEnd = true): string => {
  const directory = mkdtempSync(join(root, "traces-"))
  for (const [name, streams] of Object.entries(traces)) {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, "metadata"), metadata(hasEnd))
    streams.forEach((packets, instance) => {
      const bytes = Buffer.concat(packets.map((packet) => bytesOf(instance, packet, hasEnd)))
      writeFileSync(join(directory, name, `s_${instance}`), bytes)
    })
  }
  return directory
}

const interval = (begin?: string, end?: string): Interval => ({
  begin: begin === undefined ? undefined : Moment.parse(begin, true, undefined),
  end: end === undefined ? undefined : Moment.parse(end, true, undefined)
})

describe("an interval", () => {
  it("is between two moments, both included, or has no such end", () => {
    const [from, to] = [-5n, 2n ** 63n - 1n]
    const inside = (moment: bigint, wanted: Interval) =>
      contains(wanted, between(moment, undefined).begin ?? assert.fail())
    const among = (wanted: Interval) => [from - 1n, from, to, -(2n ** 63n)].filter((moment) => inside(moment, wanted))
    assert.deepStrictEqual(among(between(from, to)), [from, to])
    assert.deepStrictEqual(among(between(undefined, from)), [from - 1n, from, -(2n ** 63n)])
    assert.deepStrictEqual(among(between(from, undefined)), [from, to])
    assert.isTrue(isAlways(between(undefined, undefined)))
  })
})

const lossesOf = (lines: ReadonlyArray<string>) =>
  lines
    .filter((line) => line.startsWith("WARNING: Tracer"))
    .map((line) => line.replace(/ \((?:no )?UU?ID\b[^)]*\)/, ""))

const ours = (directory: string, wanted = interval()) => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  const options = { ...Recording.defaults, isIntersected: true, interval: () => wanted }
  const recording = Recording.open([directory], options)
  const text = { ...Text.defaults, isGmt: true, isSeconds: true }
  const write = (bytes: Uint8Array) => parts.push(Buffer.from(bytes))
  Printing.print(recording, { format: "text", text, filter: undefined, write, warn: (line) => warnings.push(line) })
  return { stdout: Buffer.concat(parts).toString(), losses: lossesOf(warnings) }
}

const theirs = (directory: string, ...options: ReadonlyArray<string>) => {
  const args = ["--stream-intersection", "--clock-gmt", "--clock-seconds", ...options, directory]
  const { status, stderr, stdout } = spawnSync("babeltrace2", args, { encoding: "utf8" })
  return { status, stdout, losses: lossesOf(stderr.split("\n")) }
}

const lineCount = (text: string) => text.split("\n").length - 1

/** A stream that goes on for longer than others on both sides. */
const long: ReadonlyArray<Packet> = [
  { begin: 100, end: 200, events: [100, 150, 200] },
  { begin: 300, end: 400, events: [300, 350, 400], discarded: 4 },
  { begin: 500, end: 600, events: [500, 550, 600], discarded: 9 }
]

const overlapping = {
  a: [
    long,
    [
      { begin: 150, end: 350, events: [150, 250, 350] },
      { begin: 350, end: 540, events: [540] }
    ]
  ],
  // A time of its own.
  b: [[{ begin: 10, end: 20, events: [10, 20] }], [{ begin: 15, end: 30, events: [15, 21, 30] }]]
}

describeWithPeers(["babeltrace2"], "the time in which all streams are active, beside babeltrace2", () => {
  it("is that of each trace by itself, both ends included, with the losses that are in it", () => {
    const directory = write(overlapping)
    const { status, ...rest } = theirs(directory)
    assert.strictEqual(status, 0)
    assert.deepStrictEqual(ours(directory), rest)
    assert.strictEqual(lineCount(rest.stdout), 12)
    assert.lengthOf(rest.losses, 2)
  })

  // Where babeltrace2 2.0 fails: its trimmers cannot seek in each other.
  it("is narrower still with --begin and --end", () => {
    const { losses, stdout } = ours(write(overlapping), interval("0.000000200", "0.000000350"))
    const times = stdout.match(/0\.\d+(?=\])/g)?.map((time) => Number(time.slice(-3)))
    assert.deepStrictEqual(times, [200, 250, 300, 350, 350])
    assert.lengthOf(losses, 1)
  })

  it("ends with the last event of a packet whose tracer crashed", () => {
    const directory = write({ a: [long, [{ begin: 120, end: 0, events: [120, 310] }]] })
    const { status, ...rest } = theirs(directory)
    assert.strictEqual(status, 0)
    assert.deepStrictEqual(ours(directory), rest)
    assert.strictEqual(lineCount(rest.stdout), 5)
  })

  it("is refused where there is none, and where packets do not tell it", () => {
    const apart = write({ a: [long, [{ begin: 700, end: 800, events: [700] }]] })
    const untold = write({ a: [long] }, false)
    const empty = write({ a: [] })
    for (const [directory, reason] of [
      [apart, /\/a: there is no time in which all of its streams are active/],
      [empty, /\/a: there is no time in which all of its streams are active/],
      [untold, /\/s_0: its packets do not tell when the stream was active/]
    ] as const) {
      assert.notStrictEqual(theirs(directory).status, 0)
      assert.throws(() => ours(directory), reason)
    }
  })
})
