/** Sessions of edges that have the same name and began in the same second, at a relay that is there again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

const creationTime = 1_700_000_000
const sizes = [16, 48] as const

const traces = ({ output }: TestRelay.TestRelay) =>
  output
    .files()
    .filter((path) => path.endsWith("/ch_0"))
    .map((path) => [path.slice(0, path.indexOf("/ust/")), output.size(path)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))

describe("sessions of the same name and second", () => {
  it.live.each([
    ["as its disk lists them", false],
    ["in another order", true]
  ] as const)("keep their directories when the relay goes through them %s", ([, isReversed]) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let relay = yield* Scope.provide(TestRelay.make(), scope)
      const link = yield* new Link(() => relay.controlPort).open
      const packets: Array<(seq: number) => Effect.Effect<void>> = []
      for (const [at, size] of sizes.entries()) {
        const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
        const script = Script.make(local, relay.output, () => {})
        const { c, d } = yield* script.recording({ sessionId: at + 1, creationTime })
        const stream = yield* c.addStream()
        packets[at] = (seq) => Effect.andThen(d.packet(stream, seq, size), c.index(stream, { seq }))
        yield* packets[at](0)
        yield* until("its packet", () => traces(relay).length === at + 1 && traces(relay)[at]?.[1] === size)
        yield* Local.marked(local)
      }
      const before = traces(relay)
      assert.strictEqual(new Set(before.map(([path]) => path)).size, 2)
      link.isDown = true
      link.cut()
      yield* Scope.close(scope, Exit.void)
      relay = yield* TestRelay.make({ memory: Local.imageOf(relay.memory, isReversed) })
      assert.deepStrictEqual(traces(relay), before)
      link.isDown = false
      for (const packet of packets) yield* packet(1)
      yield* until("both to go on", () => traces(relay).every(([, size], at) => size === 2 * (sizes[at] ?? 0)))
    })
  )

  it.live("stay where they are when the directory of the first is gone", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let relay = yield* Scope.provide(TestRelay.make(), scope)
      const link = yield* new Link(() => relay.controlPort).open
      const first = yield* relay.script().recording({ sessionId: 1, creationTime })
      const stream = yield* first.c.addStream()
      yield* first.d.packet(stream, 0, 16)
      yield* first.c.index(stream, { seq: 0 })
      yield* first.c.closeStream(stream, 0)
      yield* first.c.close
      yield* first.d.close
      yield* Local.quiet(relay)
      const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
      const { c, d } = yield* Script.make(local, relay.output, () => {}).recording({ sessionId: 2, creationTime })
      const own = yield* c.addStream()
      yield* d.packet(own, 0, 48)
      yield* c.index(own, { seq: 0 })
      yield* Local.marked(local)
      const [, second] = traces(relay)
      assert.strictEqual(second?.[1], 48)
      link.isDown = true
      link.cut()
      yield* Scope.close(scope, Exit.void)
      const image = new MemoryFiles()
      for (const path of relay.memory.paths("/")) {
        const bytes = relay.memory.read(path)
        if (bytes !== undefined && !path.includes(`${first.session.path}/`)) image.write(path, Buffer.from(bytes))
      }
      relay = yield* TestRelay.make({ memory: image })
      assert.deepStrictEqual(traces(relay), [second])
    })
  )
})
