/** Edges of which each leads to another, and the last to the first: nothing goes round, and nothing is lost. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

describe("edges in a circle", () => {
  for (const count of [2, 3]) {
    it.live(`of ${count} forward nothing until one leads to a relay`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const edges: Array<Local.Local> = []
        const back = (role: "controlPort" | "dataPort") => new Link(() => edges[0]?.[role] ?? 1).open
        let next: { readonly controlPort: number; readonly dataPort: number } = {
          controlPort: (yield* back("controlPort")).port,
          dataPort: (yield* back("dataPort")).port
        }
        for (let number = 0; number < count; number++) {
          next = yield* Local.start(next)
          edges.unshift(next as Local.Local)
        }
        const [first] = edges
        if (first === undefined) return assert.fail("no edge")
        const script = Script.make(first, relay.output, () => {})
        yield* Local.whole(script, { name: "a", sessionId: 1 })
        yield* until("an edge to notice", () =>
          edges.some(({ edge }) => edge.link.reason?.includes("leads back here") === true)
        )
        yield* Local.whole(script, { name: "b", sessionId: 2 })
        assert.isAtMost(Math.max(...edges.map(({ edge }) => edge.spool.journals.size)), count + 1)
        const address = (port: number) => ({ host: "127.0.0.1", port })
        const to = { control: address(relay.controlPort), data: address(relay.dataPort) }
        edges.at(-1)?.edge.route.redirect(to)
        for (const { forwarded } of edges) yield* forwarded
        yield* Local.quiet(relay)
        const sizes = relay.output.files().filter((path) => path.endsWith("/ch_0"))
        assert.isAtLeast(new Set(sizes.map((path) => path.split("/")[1])).size, 2, sizes.join(" "))
      })
    )
  }
})
