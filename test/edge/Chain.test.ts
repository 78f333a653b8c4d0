/**
 * An edge behind an edge: what tracers say to the first goes through the spool of the second.
 * Goal: it is at the relay as without the two, whichever of links and edges is lost meanwhile.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"

const payloadBytes = 64

/** Tracers say it to `near`, which leads to `far`, and that to the relay; both ways may be cut. */
const chain = Effect.fnUntraced(function* ({ isRelayOlder = false, isFarOlder = false } = {}) {
  const relay = yield* TestRelay.make()
  const files = new MemoryFiles()
  let far: Local.Local | undefined
  let scope = yield* Scope.make()
  const relayPort = isRelayOlder ? yield* Older.withoutJournals(relay.controlPort) : relay.controlPort
  const second = yield* new Link(() => relayPort).open
  const first = yield* new Link(() => far?.controlPort ?? 1).open
  const begin = Effect.gen(function* () {
    const to = { controlPort: second.port, dataPort: relay.dataPort }
    far = yield* Scope.provide(Local.start({ ...to, files: files.service }), scope)
  })
  yield* begin
  yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
  const farPort = isFarOlder ? yield* Older.withoutJournals(first.port) : first.port
  const near = yield* Local.start({ controlPort: farPort, dataPort: far?.dataPort ?? 1 })
  const restart = Effect.fnUntraced(function* (meanwhile = () => {}) {
    yield* Scope.close(scope, Exit.void)
    meanwhile()
    scope = yield* Scope.make()
    yield* begin
  })
  const { c, d, file } = yield* Script.make(near, relay.output, () => {}).recording()
  const stream = yield* c.addStream()
  let seq = 0
  const packet = Effect.suspend(() => {
    const number = seq++
    return Effect.andThen(d.packet(stream, number, payloadBytes), c.index(stream, { seq: number }))
  })
  const has = (packetCount: number) =>
    until(`${packetCount} packets`, () => relay.output.size(file("ch_0")) === packetCount * payloadBytes)
  const end = Effect.gen(function* () {
    yield* c.closeStream(stream, seq - 1)
    yield* c.close
    yield* d.close
    yield* near.forwarded
    yield* (far as Local.Local).forwarded
    yield* Local.quiet(relay)
    assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
  })
  return { relay, files, far: () => far as Local.Local, first, second, restart, packet, has, end }
})

describe("an edge behind an edge", () => {
  it.live("hands on what comes", () =>
    Effect.gen(function* () {
      const { end, far, has, packet, relay } = yield* chain()
      yield* packet
      yield* has(1)
      const [session] = yield* relay.relay.sessions
      assert.strictEqual(session?.edge?.name, "here through here")
      const [journal] = far().edge.spool.journals.values()
      assert.match(journal?.about.name ?? "", /^[^/]+\/[^/]+$/)
      yield* end
    })
  )

  it.live("has it where it was when either link is cut, and when it begins anew itself", () =>
    Effect.gen(function* () {
      const { end, first, has, packet, restart, second } = yield* chain()
      yield* packet
      yield* has(1)
      first.cut()
      yield* packet
      yield* has(2)
      second.cut()
      yield* packet
      yield* has(3)
      yield* restart()
      yield* packet
      yield* has(4)
      yield* end
    })
  )

  it.live("has it where it was when the link between them is cut, before a relay that takes no journals", () =>
    Effect.gen(function* () {
      const { end, first, has, packet, relay } = yield* chain({ isRelayOlder: true })
      yield* packet
      yield* has(1)
      for (let count = 2; count < 6; count++) {
        first.cut()
        yield* packet
        yield* has(count)
      }
      const [session] = yield* relay.relay.sessions
      assert.isUndefined(session?.edge)
      yield* end
    })
  )

  it.live("is forwarded to as a relay of another make where it is one of those that took none", () =>
    Effect.gen(function* () {
      const { end, far, has, packet, relay } = yield* chain({ isFarOlder: true })
      yield* packet
      yield* has(1)
      const [session] = yield* relay.relay.sessions
      assert.strictEqual(session?.edge?.name, "here")
      const [journal] = far().edge.spool.journals.values()
      assert.isUndefined(journal?.passed)
      yield* end
    })
  )

  it.live.each([
    ["less", (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ["zeros at its end", (bytes: Buffer) => bytes.fill(0, bytes.length - 20)]
  ] as const)("loses nothing of the first when its disk comes back with %s, as after a loss of power", ([, without]) =>
    Effect.gen(function* () {
      const { end, files, has, packet, relay, restart, second } = yield* chain()
      yield* packet
      yield* has(1)
      second.isDown = true
      second.cut()
      yield* packet
      yield* packet
      const path = files.paths("/spool").find((name) => name.endsWith(".journal")) ?? ""
      yield* restart(() => {
        const bytes = files.read(path) ?? Buffer.alloc(0)
        files.write(path, without(Buffer.from(bytes)))
      })
      second.isDown = false
      yield* packet
      yield* has(4)
      yield* end
      const index = relay.output.files().find((name) => name.endsWith("ch_0.idx")) ?? ""
      assert.strictEqual(relay.output.size(index), 16 + 4 * 72)
    })
  )
})
