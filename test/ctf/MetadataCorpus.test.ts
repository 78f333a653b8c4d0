/** Every metadata of the corpus: accepted or refused as it should be, in whatever pieces it arrives. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { GrowingMetadata, parse } from "../../src/ctf/metadata/GrowingMetadata.ts"
import { casesOf, describeWithCorpus } from "../support/corpus.ts"
import { Random } from "../support/Random.ts"

const collections = ["meta-ctf18", "meta-ctf2"]
const traces = [
  "synth",
  "types",
  "contexts",
  "perpid",
  "ctf2-types",
  "ctf2-contexts",
  "kernel-big-endian",
  "perf-taskset"
]

describeWithCorpus("the metadata collections", collections, (root) => {
  it.each(collections)("%s is accepted and refused as expected", (collection) => {
    const wrong: Array<string> = []
    for (const { case: name, expect } of casesOf(collection)) {
      const outcome = parse(readFileSync(join(root(), collection, name, "metadata")))
      const found = Result.isSuccess(outcome) ? "accept" : "refuse"
      if (expect !== "free" && found !== expect) wrong.push(`${name}: ${found}`)
    }
    assert.deepStrictEqual(wrong, [])
  })
})

describeWithCorpus("the metadata of traces", traces, (root) => {
  const all = () =>
    globSync("**/metadata", { cwd: root() })
      .sort()
      .map((path) => ({ path, bytes: readFileSync(join(root(), path)) }))

  it("means the same in whatever pieces it comes", () => {
    const random = new Random(17)
    for (const { path, bytes } of all()) {
      const whole = parse(bytes)
      const metadata = new GrowingMetadata()
      for (let at = 0; at < bytes.length; ) {
        const size = Math.ceil(random.next() * (random.next() < 0.5 ? 8 : 5000))
        metadata.append(bytes.subarray(at, at + size))
        at += size
      }
      const pieces = metadata.end()
      if (Result.isFailure(whole)) assert.isTrue(Result.isFailure(pieces), path)
      else assert.deepStrictEqual(Result.getOrThrow(pieces), whole.success, path)
    }
  })

  it("with bytes changed, missing or doubled is an answer, never a throw", () => {
    const seed = 4711
    const random = new Random(seed)
    const sources = all().filter(({ bytes }) => bytes.length < 20_000)
    for (let round = 0; round < 3000; round++) {
      const { bytes } = sources[random.below(sources.length)] ?? assert.fail("no metadata")
      const changed = Buffer.from(bytes)
      for (let count = Math.ceil(random.next() * 3); count > 0; count--) {
        changed[random.below(changed.length)] = random.below(256)
      }
      const cut = random.below(changed.length)
      const other = random.below(changed.length)
      const result = random.next() < 0.5 ? changed : Buffer.concat([changed.subarray(0, cut), changed.subarray(other)])
      assert.isTrue(Result.isResult(parse(result)), `round ${round} of seed ${seed}`)
    }
  })
})
