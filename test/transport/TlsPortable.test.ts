/** What of this runtime is not documented is not needed: a process that may not use it reads the same. */
import { assert, it } from "@effect/vitest"
import { isInternalAvoided } from "../../src/transport/ReceiveInto.ts"
import { describeRecords } from "./anyRecords.ts"

// Whether it may is asked once, at the first connection.
process.env.LTTNG_RELAY_PORTABLE_READS = "1"

it("reads are those that are documented", () => {
  assert.isTrue(isInternalAvoided())
})

describeRecords("read as is documented", ["any length"])
