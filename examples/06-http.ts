/**
 * A relay with its operator's API in the program's own HTTP server, beside a route of the program's.
 *
 *     TOKEN=secret node examples/06-http.ts /tmp/traces 8080
 *     lttng-relay top http://localhost:8080
 */
import { createServer } from "node:http"
import { resolve } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Relay, RelayConfig } from "lttng-relay"
import { AdminRoutes } from "lttng-relay/admin"

const [output = "traces", port = "8080"] = process.argv.slice(2)
const { TOKEN: token } = process.env
const host = "127.0.0.1"
const anywhere: RelayConfig.ListenAddress = { host, port: 0 }
const listen = { control: anywhere, data: anywhere, live: anywhere }
const config: RelayConfig.RelayConfig = { ...RelayConfig.defaults, ...listen, output: resolve(output) }

const own = Effect.gen(function* () {
  const { addresses } = yield* Relay.Relay
  const url = `net://${host}:${addresses.control.port}:${addresses.data.port}`
  return HttpServerResponse.text(`record with: lttng create -U ${url}\n`)
})

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/", own),
  // Only this machine reaches the server, so everybody may read; who has the token may end sessions, too.
  AdminRoutes.layer({ config, isOpen: true, token })
)

// What is being answered when the program ends is waited for no longer than that.
const server = NodeHttpServer.layer(createServer, { host, port: Number(port), gracefulShutdownTimeout: "1 second" })

HttpRouter.serve(routes).pipe(
  // Answers without an end, such as `/api/v1/events`, are not.
  AdminRoutes.endFeedsFirst,
  Layer.provide([server, Relay.layer(config)]),
  Layer.launch,
  NodeRuntime.runMain
)
