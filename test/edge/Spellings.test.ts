/**
 * Directories of sessions that their tracers spell in other ways than files are named: doubled slashes, `./`, a slash
 * at the end, bytes that are no UTF-8. Goal: a relay that is started again goes on where it was, and undoes renames.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type * as PeerBytes from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Link from "./Link.ts"
import * as Local from "./Local.ts"

const packetBytes = 64

/** A session that is rotated once; `between` is done before, in the middle of, and after that. */
const played = (
  ports: Script.Ports,
  { output }: TestRelay.TestRelay,
  of: PeerBytes.Session,
  between: Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const script = Script.make(ports, output, () => {})
    const { c, d } = yield* script.recording({ name: "s", ...of })
    const stream = yield* c.addStream()
    const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, packetBytes), c.index(stream, { seq }))
    yield* packet(0)
    yield* between
    yield* packet(1)
    yield* c.createChunk(1, 1_700_000_100)
    yield* between
    yield* c.rotate(1, [[stream, 2]])
    yield* c.closeChunk(0, 1_700_000_100, 0)
    yield* packet(2)
    yield* between
    yield* packet(3)
    yield* c.closeStream(stream, 3)
    yield* c.close
    yield* d.close
  })

const direct = (of: PeerBytes.Session) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    yield* played(relay, relay, of, Effect.void)
    yield* Local.quiet(relay)
    return relay.output.tree()
  })

const sessions: ReadonlyArray<PeerBytes.Session> = [
  { basePath: "a//b" },
  { basePath: "./a/./b" },
  { basePath: "a/b/" },
  { name: "s\xff\xfe" },
  { host: "h\xff", basePath: "a\xfe" }
]

describe("a relay that is started again while a session by an edge lives", () => {
  it.live.each(sessions)("goes on in its directory, however that is spelt: %j", (of) =>
    Effect.gen(function* () {
      const expected = yield* direct(of)
      let scope = yield* Scope.make()
      let relay = yield* Scope.provide(TestRelay.make(), scope)
      const link = yield* new Link.Link(() => relay.controlPort).open
      const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
      const restarted = Effect.gen(function* () {
        yield* Local.marked(local)
        yield* Scope.close(scope, Exit.void)
        scope = yield* Scope.make()
        relay = yield* Scope.provide(TestRelay.make({ memory: relay.memory }), scope)
      })
      yield* played(local, relay, of, Effect.orDie(restarted))
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.deepStrictEqual(relay.output.tree(), expected)
      yield* Scope.close(scope, Exit.void)
    })
  )
})
