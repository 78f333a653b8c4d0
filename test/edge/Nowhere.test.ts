/** A session that goes nowhere any more, as it was stopped or the relay has ended it. Goal: its tracers never wait. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Spool from "../../src/edge/spool/Spool.ts"
import { Journals } from "../../src/edge/tap/Journals.ts"
import { TappedControl } from "../../src/edge/tap/TappedControl.ts"
import { Slabs } from "../../src/memory/Landing.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as PeerBytes from "../../src/testing/PeerBytes.ts"
import { PeerDouble } from "../connection/doubles.ts"
import * as Spools from "./spools.ts"

const bytesMax = 64 * 1024
/** More than half of it. */
const filling = Buffer.alloc((5 * bytesMax) / 8)

const said = PeerBytes.join(
  PeerBytes.message(PeerBytes.numbers.VERSION, PeerBytes.join(PeerBytes.u32(2), PeerBytes.u32(13))),
  PeerBytes.message(PeerBytes.numbers.CREATE_SESSION, PeerBytes.createSession(13, {}))
)
/** No packet of it is counted any more. */
const index = PeerBytes.message(PeerBytes.numbers.SEND_INDEX, PeerBytes.sendIndex(13, 1n, { seq: 1 }))

it.live("in a spool with little room, indexes do not wait for packets that are thrown away", () =>
  Effect.gen(function* () {
    const spool = yield* Spool.make({ ...Spools.options(), bytesMax })
    const peer = new PeerDouble("tracer", new Slabs())
    const control = new TappedControl(peer, new Journals(spool, () => undefined))
    control.start({ receive: () => true, ended: () => {}, drained: () => {} })
    const goesOn = (bytes: Buffer) => control.receive(bytes, bytes.length)
    assert.isTrue(goesOn(said))
    const journal = [...spool.journals.values()][0] ?? assert.fail()
    journal.append(Kind.rest, 1, { bytes: filling, from: 0, to: filling.length })
    yield* Spools.written(journal)
    assert.isTrue(spool.isTight)
    journal.stop()
    assert.isTrue(goesOn(index))
  })
)
