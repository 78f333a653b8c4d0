/**
 * A test of a program that streams to a relay: a real one, over files in memory, there in milliseconds.
 *
 *     node examples/04-test.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { SyntheticTrace, Target } from "lttng-relay"
import { TestRelay } from "lttng-relay/testing"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"

/** What is tested: one packet of events in a session of its own. */
const program = (url: string) =>
  Effect.gen(function* () {
    const target = yield* Target.make({ url, hostname: "host" })
    const session = yield* target.session({ name: "tested", nameContainsCreationTime: true })
    const stream = yield* session.stream({ path: "ust", channel: "events_0" })
    yield* session.publish
    yield* stream.packet(SyntheticTrace.generator(uuid, 0, 4096, 0n).next(1000n))
    yield* session.close()
  })

const test = Effect.gen(function* () {
  const relay = yield* TestRelay.make()
  yield* Effect.scoped(program(relay.targetUrl))
  // The tree as a value, for an assertion of whatever kind.
  for (const line of relay.output.tree({ contents: false })) yield* Console.log(line)
  // What becomes of the program when the disk is full?
  relay.faults.fail({ code: "ENOSPC", operation: "open" })
  const failure = yield* Effect.flip(Effect.scoped(program(relay.targetUrl)))
  yield* Console.log(failure.message)
})

test.pipe(Effect.scoped, NodeRuntime.runMain)
