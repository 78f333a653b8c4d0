/** What a principal has on the disk is looked up once for all who ask meanwhile, whoever of them leaves. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Incidents } from "../../src/relay/Incidents.ts"
import { Allowances } from "../../src/relay/party/Allowances.ts"
import { output, withStore } from "../storage/stores.ts"
import { until } from "../support/turns.ts"

it.live("a look at the disk is one, although who began it has left", () =>
  withStore({}, ({ faults, memory, store }) =>
    Effect.gen(function* () {
      const allowances = new Allowances(store, new Incidents(), () => {})
      const allowance = allowances.of("somebody")
      memory.write(`${output}/host/session/ch_0`, Buffer.alloc(50))
      for (const directory of ["host/session", "host/other"]) allowance.directories.add(directory)
      allowance.diskBytes = 100
      const release = faults.stall()
      const ask = Effect.forkChild(allowances.recount(allowance), { startImmediately: true })
      const first = yield* ask
      const second = yield* ask
      yield* until("the disk to be asked", () => faults.stalledCount === 1)
      const left = yield* Effect.forkChild(Fiber.interrupt(first), { startImmediately: true })
      const third = yield* ask
      yield* release
      yield* Fiber.join(left)
      yield* Fiber.join(second)
      yield* Fiber.join(third)
      assert.strictEqual(allowance.diskBytes, 50)
      assert.isUndefined(allowance.recounting)
    })
  )
)
