/** A relay over files in memory with an operator's port around it, in this process; and a client of that port. */
import { Context, Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import * as AdminClient from "../../src/admin/AdminClient.ts"
import * as AdminServer from "../../src/admin/AdminServer.ts"
import type { Policy } from "../../src/admin/Authorization.ts"
import { Operations } from "../../src/admin/Operations.ts"
import { ReloadRefused } from "../../src/config/Reloaded.ts"
import { Relay } from "../../src/Relay.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { TestRelay } from "../../src/testing/index.ts"

export const token = "correct horse"

/** Of a process that cannot be asked for anything. */
export const operations = Operations.of({
  reload: Effect.fail(new ReloadRefused({ reasons: ["nothing to read"] })),
  verbosity: Effect.succeed(0),
  setVerbosity: () => Effect.void,
  configuration: Effect.succeed({}),
  lastLines: Effect.succeed([])
})

const telemetry = { version: "1", output: "/", descriptorLimit: 1000 }

export const start = (options: TestRelay.Options = {}, more: Partial<Policy> = {}, process = operations) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make(options)
    const policy = { token, isLocal: true, hidesEvents: false, ...more }
    const names = { isLoopback: true, hosts: ["relay.example"] }
    const hasDoors = options.tls !== undefined || options.proxyFrom !== undefined
    const listen = { host: "127.0.0.1", port: 0 }
    const layer = AdminServer.layer({ listen, policy, names, hasDoors, descriptorLimit: 1000 }).pipe(
      Layer.provide(Telemetry.layer(telemetry)),
      Layer.provide([Layer.succeed(Relay, relay.relay), Layer.succeed(Operations, process)])
    )
    const { address } = Context.get(yield* Layer.build(Layer.fresh(layer)), HttpServer.HttpServer)
    const port = address._tag === "UnixPathAddress" ? 0 : address.port
    const url = `http://127.0.0.1:${port}`
    const clientWith = (given?: string) =>
      Effect.provide(AdminClient.make({ url, token: given }), FetchHttpClient.layer)
    return { ...relay, port, url, clientWith, client: yield* clientWith(token) }
  })
