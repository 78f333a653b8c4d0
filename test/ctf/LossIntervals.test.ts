/** What was lost only in part within --begin and --end is told so, from and to a tick of the stream's clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import { describeWithPeers } from "../support/peers.ts"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()

const u8 = "integer { size = 8; }"
const time = "integer { size = 8; map = clock.c.value; }"

/** Of three ticks a second: what happened between the tenth and the twentieth. */
const directory = (end = "14") =>
  place({
    metadata: `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { ${u8} stream_instance_id; }; };
clock { name = c; freq = 3; offset = 1; absolute = true; };
stream {
  packet.context := struct {
    ${u8} content_size; ${u8} packet_size; ${time} timestamp_begin; ${time} timestamp_end; ${u8} events_discarded;
  };
  event.header := struct { ${time} timestamp; };
};
event { name = "e"; fields := struct { ${u8} x; }; };`,
    files: { s: `01 40 40 01 0a 00 01 01  01 40 40 0b ${end} 05 0b 02` }
  })

const cases = [
  {
    begin: undefined,
    end: undefined,
    told: "discarded 5 events between [00:00:03.666666666] and [00:00:06.999999999]"
  },
  {
    begin: "5",
    end: undefined,
    told: "may have discarded events between [00:00:04.999999999] and [00:00:06.999999999]"
  },
  { begin: "4.2", end: "6.5", told: "may have discarded events between [00:00:03.999999999] and [00:00:06.333333333]" },
  { begin: "1", end: "3.9", told: "may have discarded events between [00:00:03.666666666] and [00:00:03.666666666]" }
] as const

const told = (warnings: ReadonlyArray<string>): ReadonlyArray<string> =>
  warnings
    .filter((line) => line.startsWith("WARNING: Tracer"))
    .map((line) => line.replace(/^.*Tracer | in trace.*$/g, ""))

const momentOf = (text: string | undefined) => (text === undefined ? undefined : Moment.parse(text, true))

describe("events lost between two packets", () => {
  it.for(cases)("are told from $begin to $end", ({ begin, end, told: expected }) => {
    const interval = { begin: momentOf(begin), end: momentOf(end) }
    assert.deepStrictEqual(told(ByHand.shown(directory(), undefined, interval).warnings), [expected])
  })

  it("have no times where the packet has an end of 0, as of a tracer that crashed", () => {
    const expected = ["discarded 5 events (unknown time range)"]
    assert.deepStrictEqual(told(ByHand.shown(directory("00"), undefined).warnings), expected)
  })
})

describeWithPeers(["babeltrace2"], "events lost between two packets, as babeltrace2 tells of them", () => {
  it.for(cases)("are told from $begin to $end", ({ begin, end, told: expected }) => {
    const args = [...(begin === undefined ? [] : ["--begin", begin]), ...(end === undefined ? [] : ["--end", end])]
    assert.deepStrictEqual(told(ByHand.shownByBabeltrace2(directory(), ...args).warnings), [expected])
  })
})
