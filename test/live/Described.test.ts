/**
 * Packets and the metadata that describes them: LTTng writes an application's in parts. Goal: no viewer is told of a
 * packet that it cannot read.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { turns } from "../support/turns.ts"
import { ok, recorded, setUp } from "./inProcess.ts"
import { begun } from "./scenario.ts"

const lttng = Buffer.from('\ntracer_name = "lttng-ust";')

/** A viewer that has asked for a packet of which the metadata says nothing yet, and has no answer. */
const asked = Effect.gen(function* () {
  const { answers, script } = yield* setUp()
  const { tracer, stream, meta } = yield* recorded(script)
  const viewer = yield* script.viewer
  yield* viewer.attach(1, "beginning")
  yield* tracer.c.metadata(meta.id, lttng)
  yield* stream.packet(0)
  answers()
  const next = yield* Effect.forkScoped(viewer.next(stream.id), { startImmediately: true })
  yield* turns(20)
  assert.deepStrictEqual(answers(), [])
  return { answers, meta, next, tracer }
})

it.live("a packet is held back, the first one, too, until a tracer's metadata has described it", () =>
  Effect.gen(function* () {
    const { answers, meta, next, tracer } = yield* asked
    yield* tracer.c.metadata(meta.id, Buffer.from("stream {\n\tid = 0;"))
    yield* Fiber.join(next)
    assert.deepStrictEqual(answers(), [`${ok(0, 0)} +metadata`])
  })
)

it.live(
  "a stream begins without a packet for a viewer that has a part of the metadata and ignores that it is one",
  () =>
    Effect.gen(function* () {
      const { answers, script } = yield* setUp()
      const { tracer, stream, meta } = yield* begun(script)
      yield* tracer.c.metadata(meta.id, Buffer.from('\ntracer_name = "lttng-ust";stream {\n\tid = 0;'))
      const viewer = yield* script.stranger
      yield* viewer.connect(4)
      yield* viewer.create
      yield* viewer.attach(1, "beginning")
      yield* viewer.metadata(meta.id)
      yield* tracer.c.metadata(meta.id, Buffer.from("event {\n\tstream_id = 0;"))
      yield* stream.packet(0)
      answers()
      yield* viewer.next(stream.id)
      yield* viewer.next(stream.id)
      assert.deepStrictEqual(answers(), ["NEXT 1 → inactive until 0, class 0 +metadata", `${ok(0, 0)} +metadata`])
    })
)

it.live("a stream of which no class was described until its trace was over has nothing for viewers", () =>
  Effect.gen(function* () {
    const { answers, meta, next, tracer } = yield* asked
    yield* tracer.c.closeStream(meta.id, 0n)
    yield* Fiber.join(next)
    assert.deepStrictEqual(answers(), ["NEXT 1 → hup +metadata"])
  })
)
