/** Threads that write files end while sessions record: nothing is lost, and the log says so. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import * as RelayConfig from "../../src/config/index.ts"
import { layerNoDeps, Relay } from "../../src/Relay.ts"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import * as Target from "../../src/target/Target.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import { logged } from "../support/logged.ts"
import * as Relays from "../support/relays.ts"
import { until } from "../support/turns.ts"
import * as Ending from "../thread/ending.ts"

const loopback = { host: "127.0.0.1", port: 0, family: 4 } as const
const path = "ust/uid/0/64-bit"
const sessionCount = 4
const packetBytes = 1_000_000
/** At least, before and after each end of a thread. */
const packetCount = 4

const packet = (session: number, seq: number): Buffer => {
  const words = new Uint32Array(packetBytes / 4)
  for (let at = 0; at < words.length; at++) words[at] = (session << 28) ^ (seq << 18) ^ at
  return Buffer.from(words.buffer)
}

it.live("every byte is recorded, whichever thread was to write it", () =>
  Effect.gen(function* () {
    const output = join(yield* Relays.temporaryDirectory("lost", "/dev/shm"), "traces")
    const { start, workers } = Ending.endable()
    const log = logged()
    const config = { ...RelayConfig.defaults, output, control: loopback, data: loopback, live: loopback }
    const layer = layerNoDeps(config).pipe(
      Layer.provide(DiskFiles.layerWith({ workers: 2, start })),
      Layer.provide(log.layer)
    )
    const { addresses } = Context.get(yield* Layer.build(layer), Relay)
    const url = `net://127.0.0.1:${addresses.control.port}:${addresses.data.port}`
    const target = yield* Target.make({ url, hostname: "host1" })
    const sent: Array<number> = Array.from({ length: sessionCount }, () => 0)
    let isLast = false
    const record = (number: number) =>
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* target.session({ name: `s${number}` })
          const stream = yield* session.stream({ path, channel: "ch" })
          yield* session.publish
          for (let seq = 0; !isLast; seq++) {
            yield* stream.packet({
              bytes: packet(number, seq),
              timestampBegin: BigInt(seq),
              timestampEnd: BigInt(seq)
            })
            sent[number] = seq + 1
          }
          yield* session.close()
        })
      )
    const recording = yield* Effect.forkChild(
      Effect.forEach(sent.keys(), record, { concurrency: "unbounded", discard: true })
    )
    const more = () => {
      const before = [...sent]
      return until("packets of all", () => sent.every((count, at) => count >= (before[at] as number) + packetCount))
    }
    for (const which of [0, 1]) {
      yield* until("a thread", () => workers.length > which)
      yield* more()
      yield* Effect.promise(() => (workers[which] as (typeof workers)[number]).terminate())
      yield* until("its end to be told", () => log.codes.filter((code) => code === "WRITER_LOST").length > which)
      yield* more()
    }
    isLast = true
    yield* Fiber.join(recording)
    assert.strictEqual(workers.length, 2)
    for (const [number, count] of sent.entries()) {
      const directory = Babeltrace.sessionDirectory(output, `s${number}`)
      const whole = Buffer.concat(Array.from({ length: count }, (_, seq) => packet(number, seq)))
      assert.isTrue(readFileSync(join(directory, path, "ch")).equals(whole), `session ${number}`)
      assert.strictEqual(Babeltrace.assertIndexed(directory), count)
    }
  })
)
