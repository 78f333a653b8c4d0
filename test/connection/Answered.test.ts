/** What the answer to an index waits for, and the last one before a target stops. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { turns, until } from "../support/turns.ts"
import { assertNothingLeft, type Options, packet, type Relay, withRelay } from "./doubles.ts"

/** An index has come whose packet waits for its file. */
const waiting = Effect.fnUntraced(function* (relay: Relay) {
  const c = yield* relay.control
  yield* c.session({ name: "one" })
  const stream = yield* c.addStream()
  const d = yield* relay.data
  const release = relay.faults.stall("ch_0")
  d.deliver(packet(stream, 0))
  c.post("SEND_INDEX", Commands.sendIndex(c.minor, stream, { seq: 0, bytes: 16 }))
  yield* until("the write to have begun", () => relay.faults.stalledCount > 0)
  yield* turns(20)
  return { c, release }
})

const disks = [
  ["near, and slow since before the stream began", true, 0],
  ["far", false, 4]
] as const

it.live.each(disks)("an answer and a disk that is %s", ([, isNear, answeredBytes]) =>
  withRelay({ isDisk: true, isNear }, (relay) =>
    Effect.gen(function* () {
      const { c, release } = yield* waiting(relay)
      assert.strictEqual(c.peer.received.length, answeredBytes)
      yield* release
      assert.strictEqual((yield* c.take(4)).readUInt32BE(), 10)
    })
  )
)

it.live("an answer that waits for a file is not given where its connection ends meanwhile", () =>
  withRelay({ isDisk: true, isNear: true }, (relay) =>
    Effect.gen(function* () {
      const { c, release } = yield* waiting(relay)
      for (const session of relay.registry.sessions.values()) session.abort("ended by program")
      yield* until("it to be gone", () => c.peer.isClosed)
      assert.strictEqual(c.peer.received.length, 0)
      yield* release
    })
  )
)

it.live("while anything of a closed stream is not in its file, data is pending", () =>
  withRelay({}, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      const { id, path } = yield* c.session({ name: "one" })
      const metadata = yield* c.addStream({ channel: "metadata" })
      const release = relay.faults.stall("metadata")
      c.metadata(metadata, Buffer.from("text"))
      assert.strictEqual(yield* c.closeStream(metadata, Commands.noSeq), 10)
      assert.strictEqual(yield* c.code("END_DATA_PENDING", Commands.u64(id)), 1)
      yield* release
      assert.strictEqual(yield* c.code("END_DATA_PENDING", Commands.u64(id)), 0)
      assert.strictEqual(relay.memory.read(`${output}/${path}/ust/uid/0/64-bit/metadata`)?.toString(), "text")
    })
  )
)

const large = 64 * 1024

const begun = [16, 16 + 72]
const whole = (size: number) => [16 + size, 16 + 2 * 72]

/** Bytes of both files when a second packet's index is answered, and some looks at the sockets later. */
const played = (relay: Relay, size: number) =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const { path } = yield* c.session({ name: "one" })
    const stream = yield* c.addStream()
    const written = () =>
      ["ch_0", "index/ch_0.idx"].map((name) => relay.memory.read(`${output}/${path}/ust/uid/0/64-bit/${name}`)?.length)
    const d = yield* relay.data
    d.deliver(packet(stream, 0))
    assert.strictEqual(yield* c.index(stream, { seq: 0 }), 10)
    const seen: Array<ReturnType<typeof written>> = []
    c.peer.onSend = () => void seen.push(written())
    d.deliver(packet(stream, 1, size))
    assert.strictEqual(yield* c.index(stream, { seq: 1, bytes: size }), 10)
    yield* turns(5)
    return [...seen, written()]
  })

describe("the packet of an index that is answered is written", () => {
  const cases: ReadonlyArray<readonly [string, Options, number, Array<number>]> = [
    ["after that, and at once, where its target alone waits for each answer", { isForOne: true }, large, begun],
    ["before that, where others wait, too", {}, large, whole(large)],
    ["before that, where it is small", { isForOne: true }, 4096, whole(4096)],
    ["before that, where files are synced", { isForOne: true, sync: "close" }, large, whole(large)]
  ]
  it.live.each(cases)("%s", ([, options, size, whenAnswered]) =>
    withRelay(options, (relay) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* played(relay, size), [whenAnswered, whole(size)])
      })
    )
  )

  it.live("or its connection ends, where it was answered first and cannot be", () =>
    withRelay({ isForOne: true }, (relay) =>
      Effect.gen(function* () {
        const c = yield* relay.control
        yield* c.session({ name: "one" })
        const stream = yield* c.addStream()
        const d = yield* relay.data
        d.deliver(packet(stream, 0))
        assert.strictEqual(yield* c.index(stream, { seq: 0 }), 10)
        relay.faults.fail({ code: "ENOSPC", operation: "write", path: "ch_0" })
        d.deliver(packet(stream, 1, large))
        assert.strictEqual(yield* c.index(stream, { seq: 1, bytes: large }), 10)
        yield* until("it to be told", () => relay.log.some(({ code }) => code === "WRITE_FAILED"))
        yield* until("the packet's connection to be gone", () => d.isClosed)
        c.peer.finish()
        yield* assertNothingLeft(relay)
      })
    )
  )
})
