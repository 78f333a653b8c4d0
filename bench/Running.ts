/** A relay that runs already, from its URL. */
import { lookup } from "node:dns/promises"
import { Effect } from "effect"
import { Misused } from "../src/cli/Misused.ts"
import * as RelayUrl from "../src/transport/RelayUrl.ts"
import type { Ports } from "./Link.ts"

const defaults = [5342, 5343, 5344] as const

/** `net://HOST[:CONTROL[:DATA[:LIVE]]]`; the generator takes IPv4 addresses, so names become one. */
export const portsOf = (url: string): Effect.Effect<Ports, Misused> =>
  Effect.gen(function* () {
    const parts = yield* Effect.fromResult(RelayUrl.split(url)).pipe(
      Effect.mapError(({ message }) => new Misused(message))
    )
    const { host: name, path, ports, scheme } = parts
    if (scheme !== "net" || path !== "") return yield* Effect.fail(new Misused(`${url}: not like net://HOST[:PORT]`))
    const host = yield* Effect.tryPromise({
      try: async () => (await lookup(name, { family: 4 })).address,
      catch: () => new Misused(`${url}: ${name} has no IPv4 address`)
    })
    const [control = 0, data = 0, live = 0] = defaults.map((port, at) => ports[at] ?? port)
    return { host, control, data, live }
  })
