/** Health as the protocol counts it, with a clock of the test's own. */
import { readdirSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { components } from "../../src/config/Environment.ts"
import * as Health from "../../src/daemon/Health.ts"
import * as HealthSocket from "../../src/daemon/HealthSocket.ts"
import * as Relays from "../support/relays.ts"

const past = Health.stallMillis + 1

it.live("a second daemon takes the socket over, and keeps it when the first ends", () =>
  Effect.gen(function* () {
    const home = yield* Relays.temporaryDirectory("health")
    const path = join(home, "health")
    const made = (mask: bigint) =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope)
        yield* Scope.provide(
          HealthSocket.make(path, undefined, () => mask),
          scope
        )
        return Scope.close(scope, Exit.void)
      })
    const asked = Effect.callback<number | undefined, Error>((resume) => {
      const socket = connect(path, () => socket.write(Buffer.alloc(4)))
      socket.on("data", (bytes) => resume(Effect.succeed(bytes[0])))
      socket.on("error", (error) => resume(Effect.fail(error)))
    })
    const endFirst = yield* made(1n)
    assert.strictEqual(yield* asked, 1)
    yield* made(2n)
    assert.strictEqual(yield* asked, 2)
    yield* endFirst
    assert.strictEqual(yield* asked, 2)
    assert.deepStrictEqual(readdirSync(home), ["health"])
  })
)

describe("health", () => {
  it("is good while every component waits, however long nothing happens", () => {
    let now = 0
    const query = Health.make(() => now, [])
    assert.strictEqual(query(), 0n)
    now += past
    assert.strictEqual(query(), 0n)
  })
  for (const [bit, component] of components.entries()) {
    it(`shows a stalled ${component} as bit ${bit}, at the second query that is late enough`, () => {
      let now = 0
      const query = Health.make(() => now, [component])
      assert.strictEqual(query(), 0n)
      now += Health.stallMillis
      assert.strictEqual(query(), 0n, "not yet late enough")
      now += 1
      assert.strictEqual(query(), 1n << BigInt(bit))
      assert.strictEqual(query(), 0n, "compared with the sample just taken")
    })
  }
})
