/**
 * Each kind of call that fails, with each code, in ours and in the installed relay: node test/sidebyside/everycode.ts
 * [KIND…]. The suite has one code for each kind. Says where the two differ, and of ours which codes were in the log,
 * and how many descriptors it kept.
 */
import { readdirSync } from "node:fs"
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import type { Scenario } from "./scenario.ts"
import { faultsOf, interruptedOnes } from "./scenarios/faults.ts"
import * as Script from "./script.ts"

interface Seen {
  readonly transcript: ReadonlyArray<string>
  readonly codes: ReadonlyArray<string>
  readonly descriptorCount: number
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

const seen = (kind: Relays.Kind, { env = {}, script }: Scenario) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind, { env })
      const before = descriptorsOf(relay.process.pid)
      const transcript: Array<string> = []
      yield* Effect.scoped(script(Script.make(relay, (line) => transcript.push(line))))
      // Sessions end with their connections.
      yield* Effect.sleep(300)
      const descriptorCount = descriptorsOf(relay.process.pid) - before
      const codes = [...(yield* Process.lastSaid(relay.process)).matchAll(/code=(\w+)/g)].map(([, code = ""]) => code)
      return { transcript, codes, descriptorCount } satisfies Seen
    })
  )

const wanted = process.argv.slice(2)
const isWanted = ({ name }: Scenario): boolean => wanted.length === 0 || wanted.some((part) => name.includes(part))

await setup()
for (const scenario of [...faultsOf(true), ...interruptedOnes].filter(isWanted)) {
  const both = Effect.all([seen("ours", scenario), seen("reference", scenario)], { concurrency: 2 })
  const [ours, reference] = await Effect.runPromise(both)
  const expected = scenario.oursOnly?.transcript ?? reference.transcript
  const isSame = JSON.stringify(ours.transcript) === JSON.stringify(expected)
  const told = `${ours.codes.join(" ") || "nothing said"}; ${ours.descriptorCount} descriptors more`
  if (!isSame) process.exitCode = 1
  process.stdout.write(`${scenario.name}: ${isSame ? "as expected" : "DIFFERS"}; ${told}\n`)
  if (!isSame)
    process.stdout.write(`  ours:      ${ours.transcript.join("\n    ")}\n  expected: ${expected.join("\n    ")}\n`)
}
