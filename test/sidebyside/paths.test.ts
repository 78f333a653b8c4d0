/**
 * Every name and path that the reference records is recorded in the same place, whatever is there before, links
 * included; each that is not has a reason. Containment is against peers, not against the operator's links.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import { type Case, differenceOf, fromSeed, mark, scenarioOf } from "./paths.ts"
import * as Scenario from "./scenario.ts"

const caseCount = 150

/** Lines of one case, numbers of sessions and streams left out: a refusal may or may not spend one. */
const linesOf = (run: Scenario.Run, at: number): ReadonlyArray<string> =>
  run.transcript
    .slice(run.transcript.indexOf(mark(at)) + 1, run.transcript.indexOf(mark(at + 1)))
    .map((line) => line.replace(/^C\d+ /, "").replace(/^(CREATE_SESSION|ADD_STREAM) → [0-9a-f]{16}/, "$1 → "))

const shown = ({ there, ...names }: Case) => ({
  ...Object.fromEntries(Object.entries(names).map(([key, bytes]) => [key, bytes.toString("latin1")])),
  there
})

/** What lies below a case's host directories, in the output directory and where links lead. */
const filesOf = (run: Scenario.Run, isTheirs: (host: string) => boolean): ReadonlyArray<string> =>
  [...run.tree, ...run.transcript.slice(run.transcript.indexOf(mark(caseCount)) + 1)].filter((line) =>
    isTheirs(/(h\d+)(?=[/ -])/.exec(line)?.[1] ?? "")
  )

Peers.describeWithPeers(Peers.reference, "names and paths, as lttng-relayd 2.13.9", () => {
  for (const grouping of ["host", "session"]) {
    it.live(`grouped by ${grouping}`, () =>
      Effect.gen(function* () {
        const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
        const cases = fromSeed(seed, caseCount)
        const scenario = scenarioOf(`seed ${seed}`, cases, [`--group-output-by-${grouping}`])
        const { ours, reference } = yield* Effect.all(
          { ours: Scenario.run(Relays.underTest, scenario), reference: Scenario.run("reference", scenario) },
          { concurrency: 2 }
        )
        // What the reference refuses (`a../`, since it looks for "../"; `./` for a stream) may well be recorded here.
        const isRecorded = (at: number) => /^ADD_STREAM → 0000000a$/.test(linesOf(reference, at).at(-1) ?? "")
        const compared = cases
          .map((one, at) => ({ one, at }))
          .filter(({ one, at }) => isRecorded(at) && differenceOf(one) === undefined)
        for (const { one, at } of compared) {
          assert.deepStrictEqual(linesOf(ours, at), linesOf(reference, at), JSON.stringify({ seed, ...shown(one) }))
        }
        const hosts = new Set(compared.map(({ at }) => `h${at}`))
        const isCompared = (host: string) => hosts.has(host)
        assert.isAbove(hosts.size, caseCount / 2)
        assert.deepStrictEqual(filesOf(ours, isCompared), filesOf(reference, isCompared), `seed ${seed}`)
        assert.strictEqual(ours.exit, "status 0")
      })
    )
  }
})
