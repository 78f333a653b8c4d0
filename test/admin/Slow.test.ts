/** A filter that would keep the relay's loop for ever: it is ended, and nobody has another for a while. */
import * as http from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { DeadlineMissed, within } from "../../src/admin/Deadline.ts"
import { SyntheticTrace, Target } from "../../src/index.ts"
import * as Ports from "./ports.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"

/** As many ways to read a name as there are parts of it, at each of the depths. */
const hopeless = `${"(".repeat(16)}.${"+)".repeat(16)}z$`

it("what is ended in the middle of something is told from what fails, and the next call is like any other", () => {
  assert.throws(() => within(50, () => new RegExp(hopeless).test("a".repeat(40))), DeadlineMissed)
  assert.strictEqual(
    within(50, () => "done"),
    "done"
  )
  assert.throws(
    () =>
      within(50, () => {
        throw new RangeError("its own")
      }),
    RangeError
  )
})

it.live("its watcher hears why, others are answered meanwhile, and who asks for a filter has to wait", () =>
  Effect.gen(function* () {
    const relay = yield* Ports.start()
    const target = yield* Target.make({ url: relay.targetUrl, hostname: "web1" })
    const session = yield* target.session({ name: "s", liveTimer: "1 second" })
    const stream = yield* session.stream({ path: "ust/uid/0/64-bit", channel: "ch_0" })
    const metadata = yield* session.metadata("ust/uid/0/64-bit")
    yield* session.publish
    yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
    const generator = SyntheticTrace.generator(uuid, 0, 4096, 0n)
    let end = 0n
    const packets = Effect.forever(
      Effect.suspend(() => {
        end += 1000n
        return Effect.andThen(stream.packet(generator.next(end)), Effect.sleep("50 millis"))
      })
    )
    const watched = (where: string) =>
      Effect.callback<string>((resume) => {
        const path = `/api/v1/sessions/1/events?where=${encodeURIComponent(where)}`
        const headers = { authorization: `Bearer ${Ports.token}` }
        const asking = http.get({ host: "127.0.0.1", port: relay.port, path, headers, agent: false }, (response) => {
          let told = `${response.statusCode}`
          response.setEncoding("utf8").on("data", (part: string) => {
            told += part
            if (told.includes("}\n")) resume(Effect.succeed(told))
          })
          response.on("end", () => resume(Effect.succeed(told)))
        })
        asking.on("error", ({ message }) => resume(Effect.succeed(message)))
        return Effect.sync(() => asking.destroy())
      })
    const told = (where: string) => Effect.raceFirst(watched(where), packets)
    assert.match(yield* told("$name =~ /^load/"), /^200\s+\{"type":"event".*"name":"load:tick"/)
    assert.match(yield* told(`$name =~ "${hopeless}"`), /^200\s+\{"type":"end","reason":"the filter takes too long"\}/)
    assert.match(yield* told("$name =~ /^load/"), /^503/)
    assert.strictEqual((yield* relay.client.sessions.list({ query: {} })).total, 1)
  })
)
