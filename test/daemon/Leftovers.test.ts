/** What a crash left is told of at the next start, also where it lies behind hundreds of sessions that are whole. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Leftovers from "../../src/daemon/Leftovers.ts"
import * as Machine from "../../src/Machine.ts"
import { logged } from "../support/logged.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const sessionCount = 500

/** A session of one stream, without packets: its index is a header. */
const session = (directory: string, indexBytes: number): void => {
  const trace = join(directory, "ust/uid/0/64-bit")
  mkdirSync(join(trace, "index"), { recursive: true })
  const index = Buffer.alloc(indexBytes)
  for (const [at, value] of [0xc1f1dcc1, 1, 1, 72].entries()) index.writeUInt32BE(value, at * 4)
  writeFileSync(join(trace, "ch_0"), "")
  writeFileSync(join(trace, "index/ch_0.idx"), index)
}

const nameOf = (number: number): string =>
  `s-2026${String(1_000_000_000 + number).slice(1, 5)}-${String(100_000 + number)}`

const told = (output: string) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours", { output })
    return yield* Process.said(relay.process, /LEFTOVERS.*\n/)
  })

describe("what a crash left", () => {
  it.live("is told of where packets have no metadata", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("leftovers")
      for (const name of ["a-20260101-000000", "b-20260101-000000"]) {
        session(join(output, "host", name), 16)
        writeFileSync(join(output, "host", name, "ust/uid/0/64-bit/metadata"), "")
      }
      const path = join(output, "host/a-20260101-000000/ust/uid/0/64-bit")
      writeFileSync(join(path, "other_0"), "packet")
      const said = yield* told(output)
      assert.include(said, `${path}/metadata: lttng-relay repair`)
    })
  )

  it.live("is found in the latest session of any host, however many there are", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("leftovers", "/dev/shm")
      for (let number = 0; number < sessionCount; number++) {
        session(join(output, number % 2 === 0 ? "a-host" : "z-host", nameOf(number)), 16)
      }
      const last = join(output, "m-host", "last-20261231-235959")
      session(last, 50)
      const said = yield* told(output)
      assert.include(said, `${last}/ust/uid/0/64-bit/index/ch_0.idx: lttng-relay repair ${output} --to=NEW`)
    })
  )

  it.live("is not what a session has with which the relay goes on, as those of edges", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("leftovers")
      const [going, left] = ["host/a-20260101-000000", "host/b-20250101-000000"]
      for (const name of [going, left]) session(join(output, name), 50)
      const { layer, lines } = logged()
      const later = Date.now() + 60_000
      yield* Effect.provide(Leftovers.look(output, later, [going]), layer)
      assert.lengthOf(lines, 1)
      assert.include(lines[0], `${left}/ust/uid/0/64-bit/index/ch_0.idx: lttng-relay repair`)
    })
  )

  it.live("is told of on a host whose clock has gone back decades since", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("leftovers")
      session(join(output, "host/a-20260101-000000"), 50)
      const wallMillis = () => 60_000
      yield* Effect.acquireRelease(
        Effect.sync(() => Machine.replace({ ...Machine, wallMillis })),
        (restore) => Effect.sync(restore)
      )
      const { layer, lines } = logged()
      yield* Effect.provide(Leftovers.look(output, wallMillis(), []), layer)
      assert.lengthOf(lines, 1)
    })
  )
})
