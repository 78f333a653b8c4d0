/**
 * A tracing host of our own: a live session with one stream that has a packet of events every live period.
 *
 *     node examples/02-produce.ts net://localhost 5
 */
import { randomUUID } from "node:crypto"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { SyntheticTrace, Target } from "lttng-relay"

const [url = "net://localhost", seconds = "5"] = process.argv.slice(2)
const packetBytes = 4096

const program = Effect.gen(function* () {
  const target = yield* Target.make({ url })
  const session = yield* target.session({ name: "example", liveTimer: "200 millis" })
  yield* Console.log(`streaming ${target.hostname}/example at protocol 2.${session.minor}`)

  const uuid = randomUUID()
  const path = "ust/uid/0/64-bit"
  const packets = SyntheticTrace.generator(uuid, 0, packetBytes, process.hrtime.bigint())
  yield* session.stream({
    path,
    channel: "example_0",
    // Called once per live period: what is new by then, or undefined to tell that there is nothing.
    flush: (now) => Effect.sync(() => packets.next(now))
  })
  const metadata = yield* session.metadata(path)
  // Viewers see streams from here on, and need the metadata to make sense of them.
  yield* session.publish
  yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))

  yield* Effect.sleep(`${Number(seconds)} seconds`)
  // Returns when the relay has stored everything.
  yield* session.close()
  yield* Console.log(`${packets.eventCount()} events are stored in ${session.outputPath}`)
})

program.pipe(Effect.scoped, NodeRuntime.runMain)
