/** A right to view that is taken away while one watches is no end of the session, and is not told as one. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay } from "../../src/testing/index.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { streaming } from "../support/synthetic.ts"
import { start as toolbox } from "../support/toolbox.ts"

const viewed = (session: string): AccessFile => ({
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], record: [{}], view: [{ session }] }]
})

const reason = "demo: the relay shows it to us no more; a right to view it may have been taken away"

it.live("follow, follow --packets and record fail, with the reason; --again goes on waiting, and says so", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: viewed("demo") })
    const target = yield* Target.make({ url: relay.targetUrl, hostname: "web1" })
    const session = yield* target.session({ name: "demo", liveTimer: "50 millis", clock: () => 100n })
    yield* streaming(session)
    const url = `${relay.viewerUrl}/host/web1/demo`
    const directory = yield* Relays.temporaryDirectory("withdrawn")
    const again = yield* toolbox("follow", "--again", url)
    const others = [
      yield* toolbox("follow", url),
      yield* toolbox("follow", "--packets", url),
      yield* toolbox("record", url, `${directory}/mirror`)
    ]
    const viewerCount = Effect.map(relay.relay.sessions, (all) => all[0]?.viewerCount ?? 0)
    yield* Process.until("all watch", viewerCount, (count) => count === 1 + others.length)
    yield* relay.relay.replaceAccess(viewed("another"))
    for (const { ended } of others) {
      const { code, stderr } = yield* ended
      assert.deepStrictEqual([code, stderr.trimEnd().split("\n").at(-1)], [1, `Error: ${reason}`])
    }
    yield* Process.said(again, `WARNING: ${reason}; waiting\n`)
    yield* session.close()
  })
)

it.live("a session that ends is no such", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: viewed("demo") })
    const target = yield* Target.make({ url: relay.targetUrl, hostname: "web1" })
    const session = yield* target.session({ name: "demo", liveTimer: "50 millis", clock: () => 100n })
    const follow = yield* Process.daemon(process.execPath, [
      toolboxProgram,
      "follow",
      `${relay.viewerUrl}/host/web1/demo`
    ])
    const viewerCount = Effect.map(relay.relay.sessions, (all) => all[0]?.viewerCount ?? 0)
    yield* Process.until("it watches", viewerCount, (count) => count === 1)
    yield* session.close()
    const { code, stderr } = yield* follow.ended
    assert.deepStrictEqual([code, stderr], [0, ""])
  })
)
