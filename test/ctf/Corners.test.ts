/**
 * Corners of both formats (`corners.ts`), read by us, and by babeltrace2 where it is of a version
 * that gave the answers.
 */
import { assert, describe, it } from "@effect/vitest"
import { describeWithPeers } from "../support/peers.ts"
import * as ByHand from "./byHand.ts"
import { type Corner, corners } from "./corners.ts"
import { isNew } from "./made/Reader.ts"

const place = ByHand.place()
const written = ({ files = { s: "01020304" }, metadata }: Corner): string => place({ files, metadata })

const all = corners.map((corner) => ({ what: corner.what, corner }))

describe.for(["generated", "closures"] as const)("a corner of the formats (%s)", (code) => {
  it.for(all)("$what", ({ corner }) => {
    const directory = written(corner)
    if (corner.lines === undefined) {
      assert.throws(() => ByHand.open(directory, code), "metadata")
      return
    }
    const { failureCount, lines } = ByHand.shown(directory, code)
    assert.deepStrictEqual(lines, [...corner.lines, ""])
    assert.strictEqual(failureCount > 0, corner.fails === true)
  })
})

describeWithPeers(["babeltrace2"], "a corner of the formats, read by babeltrace2", () => {
  it.for(all)("$what", { skip: !isNew }, ({ corner }) => {
    const { lines, status } = ByHand.shownByBabeltrace2(written(corner))
    assert.deepStrictEqual(lines, [...(corner.lines ?? []), ""])
    assert.strictEqual(status !== 0, corner.lines === undefined || corner.fails === true)
  })
})
