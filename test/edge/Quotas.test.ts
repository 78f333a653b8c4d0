/**
 * Each quota of `--access`, spent by what an edge brings.
 * Goal: the session waits, and keeps all: once the quota is raised the directory is as without one, byte for byte.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile, Quota } from "../../src/access/Access.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "./Local.ts"
import { story } from "./stories.ts"

const bounded = (quota: Quota): AccessFile => ({
  principals: [{ name: "edge", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["edge"], record: [{}], quota }]
})

/** A live session at rest, of a host whose pages are of 64 KiB: each packet is filled up to one. */
const filled = (script: Script.Script) =>
  Effect.gen(function* () {
    const { c, d } = yield* script.recording({ name: "filled", sessionId: 7 })
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.alloc(84, "text"), 65_536 - 84)
    const stream = yield* c.addStream()
    for (let seq = 0; seq < 20; seq++) {
      yield* d.packet(stream, seq, 84, 65_536 - 84)
      yield* c.index(stream, { seq, bytes: 65_536 })
    }
    yield* c.closeStream(stream, 19)
  })

/** Of two sessions, with rotations, rings and metadata. */
const seed = 2

const told = (script: Script.Script) =>
  Effect.andThen(Effect.scoped(story(seed)(script)), Effect.scoped(filled(script)))

const treeOf = ({ output }: TestRelay.TestRelay) => output.tree().filter((line) => !line.startsWith(".recordings"))

const direct = Effect.scoped(
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    yield* told(Script.make(relay, relay.output, () => {}))
    yield* Local.quiet(relay)
    return treeOf(relay)
  })
)

/** What is spent, and the code that says so; by its rate an edge is held back without a word. */
const quotas: ReadonlyArray<readonly [Quota, string | undefined]> = [
  [{ sessions: 1 }, "JOURNAL_WAITS"],
  [{ connections: 1 }, "CONNECTION_QUOTA"],
  [{ bytesPerSecond: 2000 }, undefined],
  [{ bytesOnDisk: 2000 }, "JOURNAL_WAITS"]
]

describe("what an edge brings waits, and is whole once there may be more:", () => {
  for (const [quota, code] of quotas) {
    it.live(JSON.stringify(quota), () =>
      Effect.gen(function* () {
        const expected = yield* direct
        const relay = yield* TestRelay.make({ access: bounded(quota) })
        const local = yield* Local.start(relay)
        yield* told(Script.make(local, relay.output, () => {}))
        const isSpent = Effect.map(relay.relay.activity, ({ incidents }) =>
          incidents.some((incident) => incident.code === code)
        )
        if (code !== undefined) yield* until("the quota to be spent", isSpent)
        assert.isAbove(local.edge.spool.journals.size, 0)
        yield* relay.relay.replaceAccess(bounded({}))
        yield* local.forwarded
        yield* Local.quiet(relay)
        assert.deepStrictEqual(treeOf(relay), expected)
      })
    )
  }
})
