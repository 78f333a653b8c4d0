/** An access file that is no use any more is told of every day, and by a metric for as long as it is so. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as AccessRules from "../../src/daemon/files/AccessRules.ts"
import * as Refused from "../../src/daemon/files/Refused.ts"
import { fileSamples } from "../../src/telemetry/FileReading.ts"
import { logged } from "../support/logged.ts"
import * as Relays from "../support/relays.ts"

it.effect("every day until it can be used", () => {
  const { layer, lines } = logged()
  const figures = () => fileSamples(Refused.all).map(({ labels, value }) => [...labels, value])
  return Effect.gen(function* () {
    const path = join(yield* Relays.temporaryDirectory("access"), "access.json")
    writeFileSync(path, '{"principals":[],"rules":[]}')
    yield* AccessRules.watch(path, { replaceAccess: () => Effect.void } as never)
    yield* TestClock.adjust("1 day")
    assert.deepStrictEqual([lines, figures()], [[], [["access", 0]]])
    writeFileSync(path, '{"principals":[],')
    for (const days of [1, 2]) {
      yield* TestClock.adjust("1 day")
      const said = lines.filter((line) => line.startsWith("access rules not replaced: The access file "))
      assert.deepStrictEqual([said.length, figures()], [days, [["access", 1]]])
    }
    writeFileSync(path, '{"principals":[],"rules":[]}')
    yield* TestClock.adjust("1 day")
    assert.deepStrictEqual([lines.length, figures()], [2, [["access", 0]]])
  }).pipe(Effect.scoped, Effect.provide(layer))
})
