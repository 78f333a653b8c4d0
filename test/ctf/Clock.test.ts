/** What a clock says of a value that is no time. */
import { assert, it } from "@effect/vitest"
import { Clock } from "../../src/ctf/decode/Clock.ts"
import { Fault } from "../../src/ctf/decode/Fault.ts"

const clock = new Clock({
  id: "monotonic",
  namespace: undefined,
  name: "monotonic",
  uid: undefined,
  description: undefined,
  frequency: 1_000_000_000n,
  offsetSeconds: 0n,
  offsetCycles: 0n,
  precision: undefined,
  accuracy: undefined,
  origin: "unix-epoch"
})

it("names the value to the last digit", () => {
  const time = { high: 0, low: 0 }
  clock.convert(0x7fff_ffff, 0xffff_fffe, time)
  assert.deepStrictEqual(time, { high: 0x7fff_ffff, low: 0xffff_fffe })
  try {
    clock.convert(0x7fff_ffff, 0xffff_ffff, time)
    assert.fail("it is beyond babeltrace2's last nanosecond")
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    assert.match(fault.detail, /^9223372036854775807 cycles are no/)
  }
})
