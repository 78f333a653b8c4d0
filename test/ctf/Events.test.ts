/** Recorded events as values: of plain calls and of a `Stream`, true for as long as somebody has them. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Filters from "../../src/ctf/filter/Filters.ts"
import { secondText } from "../../src/ctf/print/TextTime.ts"
import * as Events from "../../src/ctf/recorded/Events.ts"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { answer, describeWithCorpus } from "../support/corpus.ts"

const eventsOf = (items: Iterable<Events.Item>): ReadonlyArray<Events.Event> =>
  [...items].flatMap((item) => (item._tag === "Event" ? [item.event] : []))

describeWithCorpus("recorded events as values", ["types", "discarded", "perpid"], (root) => {
  const path = (name: string) => [join(root(), name)]
  const linesOf = (name: string) => answer(`${name}.txt`)?.toString().trimEnd().split("\n") ?? []

  it("are those that are printed, with their fields, also when all of them are kept", () => {
    for (const name of ["discarded", "perpid", "types"]) {
      const events = eventsOf(Events.items(path(name)))
      const lines = linesOf(name)
      assert.strictEqual(events.length, lines.length)
      for (const [at, event] of events.entries()) {
        const line = lines[at] ?? ""
        assert.include(line, ` ${event.name}: `)
        const second = new Date(Number((event.timestamp ?? 0n) / 1_000_000n)).toISOString().slice(11, 19)
        assert.include(line, second)
        assert.include(line, `cpu_id = ${event.packetContext.cpu_id} `)
        for (const [field, value] of Object.entries(event.fields)) {
          assert.include(line, `${field} = `)
          if (typeof value === "string" && /^[\w ]+$/.test(value)) assert.include(line, `${field} = "${value}"`)
          if (typeof value === "number" && event.name === "zoo:tick") assert.include(line, `${field} = ${value}`)
        }
      }
    }
  })

  it("come with losses in their places", () => {
    const losses = [...Events.items(path("discarded"))].filter(({ _tag }) => _tag === "Loss")
    assert.strictEqual(losses.length, answer("discarded.warn")?.toString().trimEnd().split("\n").length)
  })

  it.effect("are the same as a stream, and in an interval, and filtered", () =>
    Effect.gen(function* () {
      const all = eventsOf(Events.items(path("types")))
      const streamed = yield* Stream.runCollect(Events.stream(path("types")))
      const timesOf = (events: ReadonlyArray<Events.Event>) => events.map(({ name, timestamp }) => [name, timestamp])
      assert.deepStrictEqual(timesOf(eventsOf(streamed)), timesOf(all))
      const [begin, end] = [all[20]?.timestamp ?? 0n, all[90]?.timestamp ?? 0n]
      const filter = Filters.named(["zoo:e*"])
      const wanted = all.filter(
        ({ name, timestamp = 0n }) => timestamp >= begin && timestamp <= end && name?.startsWith("zoo:e")
      )
      assert.isAbove(wanted.length, 0)
      assert.deepStrictEqual(timesOf(eventsOf(Events.items(path("types"), { begin, end, filter }))), timesOf(wanted))
    })
  )

  it.effect("are refused where there is no trace", () =>
    Effect.gen(function* () {
      const nowhere = [join(root(), "nowhere")]
      const failure = yield* Effect.flip(Stream.runDrain(Events.stream(nowhere)))
      assert.instanceOf(failure, Recording.RecordingRefused)
      assert.throws(() => eventsOf(Events.items(nowhere)))
    })
  )
})

describe("what is no trace", () => {
  const refusal = (path: string): string => {
    try {
      Recording.open([path])
      return "opened"
    } catch (cause) {
      return String(cause).replaceAll(directory, "DIR")
    }
  }
  const directory = mkdtempSync(join(tmpdir(), "no-trace-"))
  afterAll(() => rmSync(directory, { recursive: true }))

  it("is refused in words, and too much metadata before it is read", () => {
    mkdirSync(join(directory, "large"))
    writeFileSync(join(directory, "large", "metadata"), "")
    truncateSync(join(directory, "large", "metadata"), 2 ** 30)
    mkdirSync(join(directory, "empty"))
    writeFileSync(join(directory, "file"), "")
    assert.deepStrictEqual(
      ["large", "empty", "file", "nowhere"].map((name) => refusal(join(directory, name))),
      [
        "RecordingRefused: DIR/large/metadata: metadata of 1024 MiB: more than 128",
        "RecordingRefused: DIR/empty: no trace here: no file `metadata`",
        "RecordingRefused: DIR/file: Not a directory",
        "RecordingRefused: DIR/nowhere: No such file or directory"
      ]
    )
    assert.strictEqual(refusal(""), 'RecordingRefused: "": Not a directory')
  })
})

describe("a time as people write it", () => {
  it("is one of the day of the first event, or of its own", () => {
    const first = 1_700_000_000_000_000_000n
    const nanos = (text: string) => {
      const time = Moment.parse(text, true, () => first)
      return time && (BigInt(time.high) << 32n) | BigInt(time.low)
    }
    assert.strictEqual(nanos("1700000000.5"), 1_700_000_000_500_000_000n)
    assert.strictEqual(nanos("22:13:20"), first)
    assert.strictEqual(nanos("2023-11-14 22:13:20.000000001"), first + 1n)
    const midnight = 1_700_006_400_000_000_000n
    assert.strictEqual(nanos("2023-11-15"), midnight)
    for (const text of ["24:00:00", "2023-11-14 24:00", "23:59:60"]) assert.strictEqual(nanos(text), midnight, text)
    for (const text of [
      "25:00",
      "12:60",
      "12:00:61",
      "24:00:01",
      "24:00:00.1",
      "2023-13-01 00:00",
      "2023-00-01 00:00",
      "2023-01-32 00:00",
      "soon"
    ]) {
      assert.isUndefined(nanos(text), text)
    }
  })

  it("is, of an hour that there is twice, the one of the C library; of one that there is not, what follows", () => {
    const zone = process.env.TZ
    const seconds = (zone: string, text: string) => {
      process.env.TZ = zone
      const time = Moment.parse(text, false, undefined)
      return time && Number((BigInt(time.high) << 32n) | BigInt(time.low)) / 1e9
    }
    try {
      // As babeltrace2 takes them.
      assert.strictEqual(seconds("Europe/Paris", "2023-10-29 02:30"), Date.UTC(2023, 9, 29, 1, 30) / 1000)
      assert.strictEqual(seconds("America/New_York", "2023-11-05 01:30"), Date.UTC(2023, 10, 5, 5, 30) / 1000)
      assert.strictEqual(seconds("Australia/Lord_Howe", "2024-04-07 01:45"), Date.UTC(2024, 3, 6, 15, 15) / 1000)
      assert.strictEqual(seconds("Europe/Paris", "2024-03-31 02:30"), Date.UTC(2024, 2, 31, 1, 30) / 1000)
      // The runtime takes those of POSIX for UTC.
      const paris = "CET-1CEST,M3.5.0,M10.5.0/3"
      assert.strictEqual(seconds(paris, "2023-10-29 02:30"), Date.UTC(2023, 9, 29, 1, 30) / 1000)
      assert.strictEqual(seconds(paris, "2024-03-31 02:30"), Date.UTC(2024, 2, 31, 1, 30) / 1000)
      assert.strictEqual(seconds("<+0330>-3:30", "2024-03-31"), Date.UTC(2024, 2, 30, 20, 30) / 1000)
      process.env.TZ = paris
      const style = { isSeconds: false, hasDate: true, isGmt: false }
      assert.strictEqual(secondText(Date.UTC(2024, 6, 1) / 1000, style), "2024-07-01 02:00:00")
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })
})
