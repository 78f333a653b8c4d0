/** A stream without a clock beside one that has one: all is shown, and that it is in no order. */
import { assert, describe, it } from "@effect/vitest"
import * as Events from "../../src/ctf/recorded/Events.ts"
import { between } from "../../src/ctf/recorded/Interval.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { describeWithPeers } from "../support/peers.ts"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()

const metadata = `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { integer { size = 8; } stream_id; }; };
clock { name = c; freq = 1000000000; absolute = true; };
stream {
  id = 0;
  packet.context := struct { integer { size = 64; map = clock.c.value; } timestamp_begin; };
  event.header := struct { integer { size = 8; map = clock.c.value; } timestamp; };
};
stream { id = 1; };
event { stream_id = 0; name = timed; fields := struct { integer { size = 8; } x; }; };
event { stream_id = 1; name = bare; fields := struct { integer { size = 8; } x; }; };
`

const directory = () => place({ metadata, files: { a: "00 0500000000000000 05 01 06 02", b: "01 03 04" } })

const kinds = (path: string) =>
  [...Events.items([path])].map((item) =>
    item._tag === "Event" ? item.event.fields.x : item._tag === "Failure" ? item.failure.kind : item._tag
  )

describe("a stream without a clock beside others", () => {
  it("is a failure, and is shown, before all that has a time", () => {
    const path = directory()
    assert.deepStrictEqual(kinds(path), ["clock-mismatch", 3, 4, 1, 2])
    assert.strictEqual(ByHand.shown(path, "closures").failureCount, 1)
  })

  it("is shown of whatever interval", () => {
    const { lines } = ByHand.shown(directory(), "closures", between(6n, 6n))
    assert.deepStrictEqual(
      lines.map((line) => line.replace(/.*x = /, "")),
      ["3 }", "4 }", "2 }", ""]
    )
  })

  it("is no failure where that is asked for, and where no stream has a clock", () => {
    const recording = Recording.open([directory()], { ...Recording.defaults, isCorrelationForced: true })
    const items: Array<string> = []
    for (let reader = recording.next(); reader !== undefined; reader = recording.next()) items.push(reader.item)
    recording.close()
    assert.notInclude(items, "failure")
    assert.deepStrictEqual(kinds(place({ metadata, files: { b: "01 03 04", c: "01 05" } })), [3, 4, 5])
  })
})

describeWithPeers(["babeltrace2"], "a stream without a clock beside others, read by babeltrace2", () => {
  it("is a failure, and what was printed before is what we print", () => {
    const path = directory()
    const { lines, status } = ByHand.shownByBabeltrace2(path)
    assert.notStrictEqual(status, 0)
    const printed = lines.filter((line) => line !== "")
    assert.deepStrictEqual(ByHand.shown(path, "generated").lines.slice(0, printed.length), printed)
  })
})
