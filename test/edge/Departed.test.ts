/** Applications come and go while their session goes on: of streams that are closed the edge remembers nothing. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiscardFiles from "../../src/edge/tap/DiscardFiles.ts"
import { Journals } from "../../src/edge/tap/Journals.ts"
import { TappedControl } from "../../src/edge/tap/TappedControl.ts"
import { TappedData } from "../../src/edge/tap/TappedData.ts"
import type { Tap } from "../../src/Ports.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Sides from "../simulation/edge/Sides.ts"
import * as Spools from "./spools.ts"

const applicationCount = 20
const sequences = [0, 1, 2]

const packet = (stream: bigint, seq: number) =>
  Commands.join(Commands.packetHeader(stream, seq, 100, 0), Buffer.alloc(100))

it.live("of its streams that are closed, and of sessions that are over", () =>
  Effect.gen(function* () {
    const spool = yield* Spools.make()
    const journals = new Journals(spool, () => undefined)
    const tap: Tap = {
      control: (peer) => new TappedControl(peer, journals),
      data: (peer) => new TappedData(peer, journals),
      onSessionEnd: (id) => journals.sessionEnded(id),
      onStreamEnd: (handle) => journals.streamEnded(BigInt(handle)),
      passage: { edges: () => [], open: () => assert.fail() }
    }
    const side = yield* Sides.relay({ files: DiscardFiles.service, sync: "none", tap })
    const [c, d] = yield* Effect.all([side.control, side.data])
    yield* c.session({ name: "long" })
    const journal = [...spool.journals.values()][0] ?? assert.fail()
    for (let count = 0; count < applicationCount; count++) {
      const stream = yield* c.addStream({ path: `ust/pid/app-${count}/64-bit` })
      for (const seq of sequences) {
        d.deliver(packet(stream, seq))
        assert.strictEqual(yield* c.index(stream, { seq }), 10)
      }
      assert.strictEqual(
        yield* c.code("CLOSE_STREAM", Commands.join(Commands.u64(stream), Commands.u64(sequences.length - 1))),
        10
      )
    }
    yield* until("the last stream to be closed", () => side.registry.streams.size === 0)
    assert.strictEqual(journals.streams.size, 0)
    assert.strictEqual(journal.halves.size, 0)
    assert.strictEqual(journal.needed.size, 2 * applicationCount)
    // Nor of files that the relay here would have, and has not.
    const [session] = side.registry.sessions.values()
    assert.deepStrictEqual(session?.chunks.current?.directory.made, { directories: [], files: [] })
    yield* Spools.written(journal)
    yield* journal.acknowledge(journal.last, journal.last)
    assert.strictEqual(journal.needed.size, 0)
    // Those that are open go with their session.
    const open = yield* c.addStream({ path: "ust/pid/last/64-bit" })
    d.deliver(packet(open, 0))
    yield* until("the packet", () => journals.streams.size === 1 && journal.halves.size === 1)
    d.finish()
    c.peer.finish()
    yield* until("the session to end", () => side.registry.sessions.size === 0)
    assert.deepStrictEqual([journals.streams.size, journal.halves.size], [0, 0])
  })
)
