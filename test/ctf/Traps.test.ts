/**
 * The traps of the specification (§14) in forms of our own (`traps.ts`). Two are no single record: applications that
 * come and go while they are watched (16) are in `test/interop/follow.test.ts`, speed (18) is what
 * `npm run bench -- decode` measures. Hostile sizes and depths (17) are in `Mutations.test.ts` and `Metadata.test.ts`,
 * too, packets that are in two snapshots (15) in the corpus' `snap`, metadata in any pieces (10) in
 * `MetadataCorpus.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { describeWithPeers } from "../support/peers.ts"
import * as ByHand from "./byHand.ts"
import { isNew } from "./made/Reader.ts"
import { traps } from "./traps.ts"

const written = ByHand.place()

const named = traps.map((trap) => ({ ...trap, trap }))

describe.for(["generated", "closures"] as const)("a trap of the specification (%s)", (code) => {
  it.for(named)("$number: $what", ({ trap }) => {
    assert.deepStrictEqual(ByHand.shown(written(trap), code).lines, [...trap.lines, ""])
  })
})

describeWithPeers(["babeltrace2"], "a trap of the specification, read by babeltrace2", () => {
  const common = named.filter(({ metadata, unlike }) => unlike === undefined && !metadata.startsWith("\u001e"))

  it.for(common)("$number: $what", ({ trap }, context) => {
    const { lines, status } = ByHand.shownByBabeltrace2(written(trap))
    context.skip(isNew && status === null, "2.1 aborts where packets have no times")
    assert.deepStrictEqual(lines, [...trap.lines, ""])
  })
})
