/** A filter that would keep the relay's loop for ever: it is ended, and nobody has another for a while. */
import { spawnSync } from "node:child_process"
import * as http from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { DeadlineMissed, within } from "../../src/admin/Deadline.ts"
import * as Ports from "./ports.ts"
import * as Watching from "./watching.ts"

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

it("a call that cannot be watched, for want of descriptors, is not made: the runtime would end the process", () => {
  const program = `
    import { openSync } from "node:fs"
    import { within } from "${new URL("../../src/admin/Deadline.ts", import.meta.url)}"
    try { for (;;) openSync("/dev/null") } catch {}
    try { within(50, () => console.log("made")) } catch ({ message }) { console.log(message) }
  `
  const command = 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1"'
  const { status, stdout } = spawnSync("sh", ["-c", command, process.execPath, program], { encoding: "utf8" })
  assert.deepStrictEqual([status, stdout], [0, "there are no descriptors left to watch it with\n"])
})

it.live("its watcher hears why, others are answered meanwhile, and who asks for a filter has to wait", () =>
  Effect.gen(function* () {
    const relay = yield* Ports.start()
    const packets = yield* Watching.traced(relay.targetUrl)
    const headers = { authorization: `Bearer ${Ports.token}` }
    const told = (where: string) => {
      const path = `/api/v1/sessions/1/events?where=${encodeURIComponent(where)}`
      const options = { host: "127.0.0.1", port: relay.port, path, headers, agent: false }
      return Effect.raceFirst(
        Watching.told((hear) => http.get(options, hear)),
        packets
      )
    }
    assert.match(yield* told("$name =~ /^load/"), /^200\s+\{"type":"event".*"name":"load:tick"/)
    assert.match(yield* told(`$name =~ "${hopeless}"`), /^200\s+\{"type":"end","reason":"the filter takes too long"\}/)
    assert.match(yield* told("$name =~ /^load/"), /^503/)
    assert.match(yield* told('$name like "load*"'), /^200\s+\{"type":"event".*"name":"load:tick"/)
    assert.strictEqual((yield* relay.client.sessions.list({ query: {} })).total, 1)
  })
)
