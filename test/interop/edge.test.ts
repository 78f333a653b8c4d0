/** Real tracers to an edge, and from there to a relay. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"

const count = 100_000

for (const kind of ["reference", "ours"] as const) {
  Peers.describeWithPeers([...Peers.tracing, ...Peers.reference], `an edge before ${kind}`, () => {
    it.live("every event, in order", () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start(kind)
        const edge = yield* Edges.start(relay)
        const tracing = yield* Lttng.start
        yield* Lttng.record(tracing, edge, "one")
        yield* tracing.emit({ count, tockEvery: 1000 })
        yield* tracing.lttng("stop")
        yield* tracing.lttng("destroy")
        yield* Edges.forwarded(edge)
        const directory = Babeltrace.sessionDirectory(relay.output, "one")
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count }])
        assert.isAbove(Babeltrace.assertIndexed(directory), 10)
      })
    )
  })
}
