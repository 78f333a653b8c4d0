/** Packets cut anywhere: what is before the cut is read as ever, and a failure says where they are cut. */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { describeWithCorpus } from "../support/corpus.ts"
import * as Cuts from "./cuts.ts"
import { packetsBelow } from "./mutations.ts"

const archives = ["synth", "plain", "contexts", "ctf2-contexts", "clock"]

describeWithCorpus("packets that were cut", archives, (root) => {
  it("are read up to there, in both ways of decoding and through small windows alike", () => {
    const packets = archives.flatMap((archive) => packetsBelow(join(root(), archive)))
    assert.isAbove(Cuts.run(packets, 601), 500)
  }, 240_000)
})
