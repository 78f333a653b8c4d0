/**
 * The scenarios that are played to lttng-relayd and to us, played to an edge before us: every answer is what the relay
 * itself would have given, and in the end the relay's directory is what it would have been; also where the relay takes
 * no journals, and hears it all from the edge as from the tracer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import type { Scenario } from "../sidebyside/scenario.ts"
import { scenarios } from "../sidebyside/scenarios/index.ts"
import { over } from "../sidebyside/script.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"

/** The edge does not look at the relay's directory: it knows of nothing that is in the way there, or gone. */
const ofTheDirectory = new Set([
  "channel names with dots and blanks; the longest that a file system takes",
  "a path through a regular file fails and keeps the connection",
  "clear spares files that are not of the chunk",
  "leftovers in the temporary directory: the second rotation cannot rename over them",
  "an archive of that name already there: the chunk stays in the temporary directory",
  "a file in the place of the session directory refuses the session, the connection is kept",
  "a directory in the place of a data file fails and keeps the connection",
  "a file in the place of the index directory ends the data connection",
  "an index file in the way is replaced",
  "no index is made where its data is no more",
  "the session directory is removed before a rotation: refused, and nothing is made in its place",
  "files removed from a chunk do not keep clear from removing the others",
  "a snapshot of a name that is there already is beside it",
  "two targets of one host name, session name and second, one after the other: a board that boots in 1970"
])

/** Nor are the relay's own options the edge's. */
const played = scenarios.filter(
  ({ args, env, name, volumeBytes }) => (args ?? env ?? volumeBytes) === undefined && !ofTheDirectory.has(name)
)

/** What the connections were answered; what is on the disk meanwhile is the relay's own pace. */
const answers = (transcript: ReadonlyArray<string>) => transcript.filter((line) => /^[CD]\d/.test(line))

/** What of a packet has come stays at the edge until the rest has: it is not looked for in the relay's files. */
const waitingFor = ({ edge }: Local.Local, script: Script.Script): Script.Script => ({
  ...script,
  fileSize: (path, bytes) => {
    const part = until("a part", () => edge.spool.memory.unwrittenBytes > 0)
    return Effect.raceFirst(script.fileSize(path, bytes), Effect.ignore(part))
  }
})

/** What looks at the disk itself finds nothing there. */
const noDisk = "/traces"

const direct = (scenario: Scenario) =>
  Effect.scoped(
    Effect.gen(function* () {
      const transcript: Array<string> = []
      const relay = yield* TestRelay.make()
      const script = Script.make(relay, relay.output, (line) => transcript.push(line))
      yield* Effect.scoped(scenario.script(over(script, noDisk)))
      yield* Local.quiet(relay)
      return { transcript, tree: relay.output.tree() }
    })
  )

const byEdge = (scenario: Scenario, takesJournals: boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      const transcript: Array<string> = []
      const relay = yield* TestRelay.make()
      const { dataPort } = relay
      const controlPort = takesJournals ? relay.controlPort : yield* Older.withoutJournals(relay.controlPort)
      const local = yield* Local.start({ controlPort, dataPort })
      const script = Script.make(local, relay.output, (line) => transcript.push(line))
      yield* Effect.scoped(scenario.script(over(waitingFor(local, script), noDisk)))
      yield* local.forwarded
      yield* Local.quiet(relay)
      return { transcript, tree: relay.output.tree() }
    })
  )

for (const takesJournals of [true, false]) {
  describe(takesJournals ? "through an edge" : "through an edge, to a relay that takes no journals", () => {
    for (const scenario of played) {
      it.live(scenario.name, () =>
        Effect.gen(function* () {
          const both = [direct(scenario), byEdge(scenario, takesJournals)] as const
          const [expected, found] = yield* Effect.all(both, { concurrency: 2 })
          assert.deepStrictEqual(found.tree, expected.tree)
          assert.deepStrictEqual(answers(found.transcript), answers(expected.transcript))
        })
      )
    }
  })
}
