/** An access file that is no use any more is told of every day, and noted for the metrics as long as it is so. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as AccessRules from "../../src/daemon/files/AccessRules.ts"
import * as Refused from "../../src/daemon/files/Refused.ts"
import { logged } from "../support/logged.ts"
import * as Relays from "../support/relays.ts"

it.effect("every day until it can be used", () => {
  const { layer, lines } = logged()
  return Effect.gen(function* () {
    const path = join(yield* Relays.temporaryDirectory("access"), "access.json")
    writeFileSync(path, '{"principals":[],"rules":[]}')
    yield* AccessRules.watch(path, { replaceAccess: () => Effect.void } as never)
    yield* TestClock.adjust("1 day")
    assert.deepStrictEqual([lines, [...Refused.all]], [[], [["access", false]]])
    writeFileSync(path, '{"principals":[],')
    for (const days of [1, 2]) {
      yield* TestClock.adjust("1 day")
      const said = lines.filter((line) => line.startsWith("access rules not replaced: The access file "))
      assert.deepStrictEqual([said.length, [...Refused.all]], [days, [["access", true]]])
    }
    writeFileSync(path, '{"principals":[],"rules":[]}')
    yield* TestClock.adjust("1 day")
    assert.deepStrictEqual([lines.length, [...Refused.all]], [2, [["access", false]]])
  }).pipe(Effect.scoped, Effect.provide(layer))
})
