/** Mirrors of sessions that are told, rather than watched: where their files go, and what is refused. */
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { bytesOf, pathOf, textOf } from "../../src/protocol/Text.ts"
import * as Record from "../../src/viewer/Record.ts"
import type { ViewerEvent } from "../../src/viewer/ViewerEvent.ts"
import type { ViewedStream } from "../../src/viewer/ViewerMerge.ts"
import * as Relays from "../support/relays.ts"

const stream = (id: bigint, more: Partial<ViewedStream> = {}): ViewedStream => ({
  id,
  sessionId: 1n,
  traceId: 1n,
  isMetadata: id === 1n,
  path: "ust/uid/0/64-bit",
  channel: id === 1n ? "metadata" : `ch_${id}`,
  ...more
})

const index = {
  offset: 0n,
  packetSize: 64n,
  contentSize: 64n,
  timestampBegin: 1n,
  timestampEnd: 2n,
  eventsDiscarded: 0n,
  streamId: 0n
}

const added = (one: ViewedStream): ViewerEvent => ({ _tag: "StreamAdded", stream: one, horizon: undefined })
const metadata = (text: string): ViewerEvent => ({
  _tag: "Metadata",
  stream: stream(1n),
  bytes: Buffer.from(text),
  traceClass: undefined,
  refused: undefined
})
const packet = (of: ViewedStream, text: string): ViewerEvent => ({
  _tag: "Packet",
  stream: of,
  index,
  bytes: Buffer.from(text),
  isLate: false
})

const told = (more: Partial<ViewedStream> = {}): Stream.Stream<ViewerEvent> => {
  const data = stream(2n, more)
  return Stream.fromIterable([
    added(stream(1n)),
    metadata("first, "),
    added(data),
    packet(data, "12345678"),
    metadata("second"),
    packet(data, "abcdefgh")
  ])
}

/** What is in a file of a directory whose name may be any bytes. */
const read = (directory: string, ...names: ReadonlyArray<string>): string =>
  readFileSync(pathOf(join(directory, ...names))).toString()

describe("a recording", () => {
  it.live("goes into a directory whose name is no UTF-8, and nowhere beside it", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("odd")
      const name = textOf(Buffer.from("b\xff", "latin1"))
      const directory = join(within, name)
      const done = yield* Record.record(told(), directory)
      assert.deepStrictEqual(done, { streams: 2, packets: 2, bytes: 29, lost: 0, cut: 0 })
      assert.deepStrictEqual(readdirSync(within, { encoding: "buffer" }), [Buffer.from(bytesOf(name))])
      assert.strictEqual(read(directory, "ust/uid/0/64-bit/metadata"), "first, second")
      assert.strictEqual(read(directory, "ust/uid/0/64-bit/ch_2"), "12345678abcdefgh")
      assert.isTrue(existsSync(pathOf(join(directory, "ust/uid/0/64-bit/index/ch_2.idx"))))
      const again = yield* Effect.flip(Record.record(told(), directory))
      assert.include(again.message, "not an empty directory")
    })
  )

  it.live("says what is in the way of its directory", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("taken")
      writeFileSync(join(within, "file"), "")
      symlinkSync("nowhere", join(within, "link"))
      for (const [name, what] of [
        ["file", "a file"],
        ["link", "a link that leads nowhere"]
      ] as const) {
        const path = join(within, name)
        const { message } = yield* Effect.flip(Record.record(told(), path))
        assert.strictEqual(message, `${path}: this is ${what}: name another directory, or move it away`)
      }
    })
  )

  it.live("has no file for metadata that never came: babeltrace2 would open nothing of the mirror", () =>
    Effect.gen(function* () {
      const directory = join(yield* Relays.temporaryDirectory("without"), "mirror")
      const other = { path: "ust/pid/app-1", traceId: 2n }
      const cleared = [added(stream(3n, { ...other, isMetadata: true, channel: "metadata" })), added(stream(4n, other))]
      yield* Record.record(Stream.concat(told(), Stream.fromIterable(cleared)), directory)
      assert.deepStrictEqual(readdirSync(join(directory, "ust/pid/app-1")), ["ch_4"])
      assert.strictEqual(read(directory, "ust/uid/0/64-bit", "metadata"), "first, second")
    })
  )

  it.live("leaves no file open, whenever it is interrupted", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("open")
      const isOurs = (descriptor: string) => {
        try {
          return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(within)
        } catch {
          return false
        }
      }
      for (let turns = 0; turns < 40; turns++) {
        const fiber = yield* Effect.forkChild(Record.record(told(), join(within, `${turns}`)))
        for (let turn = 0; turn < turns; turn++) yield* Effect.promise(() => new Promise((then) => setImmediate(then)))
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(readdirSync("/proc/self/fd").filter(isOurs), [], `after ${turns} turns`)
      }
    })
  )

  it.live("has names of streams that are no UTF-8 as they are", () =>
    Effect.gen(function* () {
      const directory = join(yield* Relays.temporaryDirectory("names"), "trace")
      const channel = textOf(Buffer.from("ch\xfe", "latin1"))
      yield* Record.record(told({ channel, path: "/host/web1" }), directory)
      assert.deepStrictEqual(readdirSync(join(directory, "host", "web1"), { encoding: "buffer" }), [
        Buffer.from(bytesOf(channel)),
        Buffer.from("index")
      ])
      assert.strictEqual(read(directory, "host/web1", channel), "12345678abcdefgh")
    })
  )

  it.live.each([{ path: "../x" }, { path: "a/../../x" }, { channel: "../x" }, { channel: ".." }, { channel: "" }])(
    "never leaves its directory, whatever a relay calls a stream: %j",
    (names) =>
      Effect.gen(function* () {
        const within = yield* Relays.temporaryDirectory("outside")
        const refused = yield* Effect.flip(Record.record(told(names), join(within, "trace")))
        assert.include(refused.message, "not a name to write to")
        assert.deepStrictEqual(readdirSync(within), ["trace"])
      })
  )

  it.live("of a relay that gives one id to two streams has both, and leaves no file open", () =>
    Effect.gen(function* () {
      const directory = join(yield* Relays.temporaryDirectory("twice"), "trace")
      const [first, second] = [stream(2n), stream(2n, { channel: "other" })]
      const events = [added(first), packet(first, "12345678"), added(second), packet(second, "abcdefgh")]
      yield* Record.record(Stream.fromIterable(events), directory)
      const links = readdirSync("/proc/self/fd").map((descriptor) => {
        try {
          return readlinkSync(`/proc/self/fd/${descriptor}`)
        } catch {
          return ""
        }
      })
      assert.deepStrictEqual(
        links.filter((link) => link.startsWith(directory)),
        []
      )
      assert.strictEqual(read(directory, "ust/uid/0/64-bit/ch_2"), "12345678")
      assert.strictEqual(read(directory, "ust/uid/0/64-bit/other"), "abcdefgh")
    })
  )

  it.live("of a relay that goes on with a stream that it has ended fails", () =>
    Effect.gen(function* () {
      const directory = join(yield* Relays.temporaryDirectory("ended"), "trace")
      const over: ViewerEvent = { _tag: "StreamEnded", stream: stream(1n), isCut: false }
      const events = Stream.fromIterable([added(stream(1n)), over, metadata("more")])
      const failed = yield* Effect.flip(Record.record(events, directory))
      assert.include(failed.message, "more of a stream that has ended")
    })
  )

  it.live("what a file system tells only when a file is closed fails the mirror, and every file is closed", () =>
    Effect.gen(function* () {
      const within = yield* Relays.temporaryDirectory("mirror")
      const handle = yield* Effect.promise(() => open(within))
      yield* Effect.promise(() => handle.close())
      const appending = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "appendFile")
      yield* Effect.addFinalizer(() => Effect.sync(() => appending.mockRestore()))
      const closed = new Set<FileHandle>()
      appending.mockImplementation(async function (this: FileHandle, data) {
        const { close } = this
        this.close = async () => {
          closed.add(this)
          await close.call(this)
          throw Object.assign(new Error("close"), { code: "EDQUOT" })
        }
        await this.write(data as Uint8Array)
      })
      const failed = yield* Effect.flip(Record.record(told(), join(within, "trace")))
      assert.strictEqual(failed._tag, "RecordFailed")
      assert.strictEqual(failed.reason, "Disk quota exceeded")
      // Those of the metadata, of the packets and of their index.
      assert.strictEqual(closed.size, 3)
    })
  )
})
