/**
 * Of one consumer daemon of a tracing session what was put down does not lead to what is there, and nothing more of it
 * comes by which that could be mended.
 * Goal: what others bring is marked all the same, or no more put down: their edge, of a small spool, has room again.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../src/storage/FaultyFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"
import { both, packet } from "./parts.ts"

const megabyte = 1024 * 1024
/** More than fits into the spool, with what may be beyond. */
const packetCount = 24

interface Last {
  readonly faults: ReadonlyArray<Fault>
  /** The last that one of them says. */
  readonly says: (of: Script.Recording, stream: bigint) => Effect.Effect<unknown>
  /** What others bring would not outlive the relay. */
  readonly isUnmarked: boolean
}

const lasts: Readonly<Record<string, Last>> = {
  "a trace chunk, which only the relay refuses": {
    faults: [{ operation: "mkdir", path: "tmp_new", code: "ENAMETOOLONG" }],
    says: ({ c }) => c.createChunk(1, Commands.start + 10),
    isUnmarked: false
  },
  "a packet, which only the relay cannot write, and what is left cannot be put down": {
    faults: [
      { operation: "write", path: "bad_0", code: "EFBIG" },
      { operation: "rename", path: ".journals", code: "EBUSY" }
    ],
    says: (of, stream) => packet(of, stream, 1, 100),
    isUnmarked: true
  }
}

for (const [name, { faults, isUnmarked, says }] of Object.entries(lasts)) {
  it.live(`the last of one is ${name}: what others bring goes on`, () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const local = yield* Local.start({ ...relay, bytesMax: megabyte })
      const script = Script.make(local, relay.output, () => {})
      const { bad, good, other, stream } = yield* both(script)
      yield* packet(bad, stream, 0, 100)
      yield* script.fileSize(bad.file("bad_0"), 100)
      for (const fault of faults) relay.faults.fail(fault)
      yield* says(bad, stream)
      for (let seq = 0; seq < packetCount; seq++) {
        yield* packet(good, other, seq, megabyte)
      }
      const path = () => relay.output.files().find((each) => each.endsWith("/good_0")) ?? ""
      yield* until("all packets", () => relay.output.size(path()) === packetCount * megabyte)
      yield* Local.marked(local)
      assert.strictEqual(codes.includes("JOURNAL_UNMARKED"), isUnmarked)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
}
