/**
 * A viewer of live sessions: counts the packets and bytes of each stream until the session ends.
 *
 *     node examples/03-view.ts net://localhost/host/myhost/example
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Stream } from "effect"
import { LiveViewer } from "lttng-relay"

const program = Effect.gen(function* () {
  const { session, viewer } = yield* LiveViewer.fromUrl(process.argv[2] ?? "net://localhost")
  if (session === undefined) {
    for (const { hostname, sessionName } of yield* viewer.sessions) yield* Console.log(`${hostname}/${sessionName}`)
    return
  }
  const { events } = yield* viewer.attachAll(session, { seek: "beginning" })
  const counts = new Map<string, { packets: number; bytes: number }>()
  // Pulled one by one: a slow consumer slows the viewer, not the relay.
  yield* Stream.runForEach(events, (event) => {
    switch (event._tag) {
      case "StreamAdded":
        return Console.log(`+ ${event.stream.path}/${event.stream.channel}`)
      case "Packet": {
        const { channel } = event.stream
        const { bytes, packets } = counts.get(channel) ?? { packets: 0, bytes: 0 }
        counts.set(channel, { packets: packets + 1, bytes: bytes + event.bytes.length })
        return Effect.void
      }
      case "StreamEnded":
        return Console.log(`- ${event.stream.path}/${event.stream.channel}`)
      default:
        return Effect.void
    }
  })
  for (const [channel, { bytes, packets }] of counts) {
    yield* Console.log(`${channel}: ${packets} packets, ${bytes} bytes`)
  }
})

program.pipe(Effect.scoped, NodeRuntime.runMain)
