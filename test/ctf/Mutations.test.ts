/** Bytes flipped and cut anywhere: a failure with its place, or another value; the same in both ways of decoding. */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { describeWithCorpus } from "../support/corpus.ts"
import { packetsBelow, run } from "./mutations.ts"

const archives = ["synth", "types", "contexts", "many", "levels", "ctf2-types", "ctf2-contexts"]

describeWithCorpus("packets that were damaged", archives, (root) => {
  it("are read to a named failure or an end, in both ways of decoding alike", () => {
    const packets = archives.flatMap((archive) => packetsBelow(join(root(), archive)))
    const ends = run(packets, 10_000, 1)
    // As far as these are to be had by accident.
    for (const kind of ["over", "data-short", "unknown-event-class", "variant-no-option", "head: bad-magic"]) {
      assert.isTrue(ends.has(kind), `${kind} is not among ${[...ends.keys()].join(", ")}`)
    }
  }, 240_000)
})
