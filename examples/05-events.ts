/**
 * The events of live sessions as they happen, as one stream over several relays, in the order in which they come.
 *
 *     node examples/05-events.ts net://relay1/host/myhost/example net://relay2/host/other/example
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Stream } from "effect"
import { LiveEvents, LiveViewer } from "lttng-relay"

/** One session's, in the order of their time. The connection ends with the stream, however it ends. */
const eventsOf = (url: string) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { session, viewer } = yield* LiveViewer.fromUrl(url)
      if (session === undefined) return Stream.empty
      return LiveEvents.stream(yield* viewer.attachAll(session, { seek: "beginning", isPrompt: true }))
    })
  )

const program = Stream.mergeAll(process.argv.slice(2).map(eventsOf), { concurrency: "unbounded" }).pipe(
  Stream.runForEach((item) => {
    switch (item._tag) {
      case "Event":
        return Console.log(item.event.timestamp, item.event.name, item.event.fields)
      case "Loss":
        return Console.log(`${item.path}: the tracer lost ${item.loss.count} ${item.loss.what}`)
      case "Failure":
        return Console.log(`${item.path}: ${item.failure.message}`)
      case "Trouble":
        return Console.log(`${item.trouble.stream.path}/${item.trouble.stream.channel}: ${item.trouble.kind}`)
    }
  }),
  Effect.catchTag("SessionNotFound", ({ message }) => Console.error(message))
)

program.pipe(NodeRuntime.runMain)
