/** A live session, and who watches its events over HTTP as they happen. */
import type { ClientRequest, IncomingMessage } from "node:http"
import { Effect } from "effect"
import { Target } from "../../src/index.ts"
import { streaming } from "../support/synthetic.ts"

/** A session with its metadata; what is answered are packets without end, of which a watcher sees those from now on. */
export const traced = (url: string) =>
  Effect.gen(function* () {
    const target = yield* Target.make({ url, hostname: "web1" })
    const session = yield* target.session({ name: "s", liveTimer: "1 second" })
    const { stream, generator } = yield* streaming(session)
    let end = 0n
    const packet = Effect.suspend(() => {
      end += 1000n
      return stream.packet(generator.next(end))
    })
    return Effect.forever(Effect.andThen(packet, Effect.sleep("50 millis")))
  })

/** The status, and what is told up to the first line that says something; or why nothing is. */
export const told = (ask: (hear: (response: IncomingMessage) => void) => ClientRequest): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const asking = ask((response) => {
      let heard = `${response.statusCode} `
      response.setEncoding("utf8").on("data", (part: string) => {
        heard += part
        if (heard.includes("}\n")) resume(Effect.succeed(heard))
      })
      response.on("end", () => resume(Effect.succeed(heard)))
    })
    asking.on("error", ({ message }) => resume(Effect.succeed(message)))
    return Effect.sync(() => asking.destroy())
  })
