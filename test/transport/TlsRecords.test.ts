import { assert, it } from "@effect/vitest"
import { isInternalAvoided } from "../../src/transport/ReceiveInto.ts"
import { describeRecords } from "./anyRecords.ts"

it("reads are those that a relay has by itself", () => {
  assert.isFalse(isInternalAvoided())
})

describeRecords("read into the relay's own memory")
