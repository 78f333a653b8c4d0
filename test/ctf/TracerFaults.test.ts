/** Events outside of the time that their packet tells, as some versions of tracers write them. */
import { assert, describe, it } from "@effect/vitest"
import { always, between } from "../../src/ctf/recorded/Interval.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { describeWithPeers } from "../support/peers.ts"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()

const time = "integer { size = 64; map = clock.c.value; }"

/** A begin, an end, and times of events; all in nanoseconds. */
type Packet = readonly [begin: number, end: number, ...events: ReadonlyArray<number>]

const timeHex = (time: number): string => Buffer.of(time, 0, 0, 0, 0, 0, 0, 0).toString("hex")

/** Of two bytes, and times of eight. */
const sizeHex = (timeCount: number): string => {
  const bits = (2 + timeCount * 8) * 8
  return Buffer.of(bits & 0xff, bits >> 8).toString("hex")
}

const fileOf = (packets: ReadonlyArray<Packet>): string =>
  packets.map((times) => sizeHex(times.length) + times.map(timeHex).join("")).join("")

const write = (tracer: string, files: Readonly<Record<string, ReadonlyArray<Packet>>>): string => {
  const [name, ...version] = tracer.split(/[ .]/)
  const parts = ["major", "minor", "patch"].map((part, at) => `tracer_${part} = ${version[at] ?? 0};`)
  return place({
    metadata: `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; };
env { tracer_name = "${name}"; ${parts.join(" ")} };
clock { name = c; freq = 1000000000; absolute = true; };
stream {
  packet.context := struct { integer { size = 16; } packet_size; ${time} timestamp_begin; ${time} timestamp_end; };
  event.header := struct { ${time} timestamp; };
};
event { name = "e"; };`,
    files: Object.fromEntries(Object.entries(files).map(([name, packets]) => [name, fileOf(packets)]))
  })
}

const timesOf = (lines: ReadonlyArray<string>): ReadonlyArray<number> =>
  lines.filter((line) => line !== "").map((line) => Number(/\.(\d{9})\]/.exec(line)?.[1]))

const shown = (directory: string, interval = always): ReadonlyArray<number> =>
  timesOf(ByHand.shown(directory, undefined, interval).lines)

/** The end of what `--stream-intersection` shows. */
const lastOf = (directory: string): number | undefined => {
  const recording = Recording.open([directory], { ...Recording.defaults, isIntersected: true })
  const [reader] = [recording.next()]
  recording.close()
  return reader?.interval.end?.low
}

const late: ReadonlyArray<Packet> = [
  [10, 15, 11, 18],
  [20, 25, 21, 28],
  [30, 35, 31, 38]
]
const early: ReadonlyArray<Packet> = [
  [10, 15, 8, 11],
  [20, 25, 18, 21]
]

describe("events after the end of their packet", () => {
  it("are shown where they are wanted", () => {
    const directory = write("lttng-ust 2.10", { s: late })
    assert.deepStrictEqual(shown(directory, between(17n, 29n)), [18, 21, 28])
    assert.deepStrictEqual(shown(directory, between(36n, undefined)), [38])
    assert.deepStrictEqual(shown(directory, between(19n, 21n)), [21])
  })

  it.for([
    ["lttng-ust 2.10.9", 38],
    ["lttng-ust 2.11.0", 35],
    ["lttng-modules 2.8.20", 38],
    ["lttng-modules 2.9.12", 38],
    ["lttng-modules 2.9.13", 35],
    ["lttng-modules 2.10.9", 38],
    ["lttng-modules 2.10.10", 35],
    ["other 1.0.0", 35]
  ] as const)("are part of the stream's time, where %s is known to write them: to %i", ([tracer, end]) => {
    assert.strictEqual(lastOf(write(tracer, { s: late })), end)
  })
})

describe("events before the begin of their packet", () => {
  it("are shown where they are wanted", () => {
    const directory = write("barectf 2.3.0", { s: early })
    assert.deepStrictEqual(shown(directory, between(9n, 19n)), [11, 18])
    assert.deepStrictEqual(shown(directory, between(undefined, 17n)), [8, 11])
  })

  const streams = { a: early, b: [[7, 30, 9, 19, 24] as const] }

  it("are in order where barectf is known to write them, as are its other events", () => {
    assert.deepStrictEqual(shown(write("barectf 2.3.0", streams)), [8, 9, 11, 18, 19, 21, 24])
    assert.deepStrictEqual(shown(write("barectf 2.3.1", streams)), [9, 8, 11, 19, 18, 21, 24])
  })
})

describeWithPeers(["babeltrace2"], "babeltrace2", () => {
  it.for(["barectf 2.2.7", "barectf 2.3.0", "lttng-ust 2.10.1"])("has events of %s in our order", (tracer) => {
    const isEarly = tracer.startsWith("barectf")
    const streams = isEarly
      ? { a: early, b: [[8, 30, 9, 19, 24] as const] }
      : { a: late, b: [[7, 50, 17, 29] as const] }
    const directory = write(tracer, streams)
    const { lines } = ByHand.shownByBabeltrace2(directory)
    assert.strictEqual(lines.length > 5, true)
    assert.deepStrictEqual(timesOf(lines), shown(directory))
  })
})
