/** A relay is taken out of service while real sessions stream to it: none of theirs is lost, no new one gets in. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

Peers.describeWithPeers(Peers.tracing, "a drain with eight real sessions", () => {
  it.live("shows them go, refuses a ninth, and loses nothing", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("drain")
      const [socket, tokenFile] = [join(home, "http.sock"), join(home, "token")]
      writeFileSync(tokenFile, "secret\n")
      const args = [`--http-port=unix://${socket}`, `--http-token-file=${tokenFile}`]
      const relay = yield* Relays.start("ours", { args })
      const tracing = yield* Lttng.start
      const names = Array.from({ length: 8 }, (_, at) => `s${at}`)
      for (const name of names) yield* Lttng.record(tracing, relay, name, { path: `/${name}` })
      const asked = [toolboxProgram, "drain", `unix://${socket}`, `--token-file=${tokenFile}`]
      const left = yield* Process.daemon(process.execPath, asked)
      yield* Process.said(left, "8 sessions left")
      left.signal("SIGINT")
      const { code, stderr } = yield* left.ended
      assert.deepStrictEqual([code, stderr], [130, "The relay goes on draining: --cancel takes that back\n"])
      // Once it has counted them one of them may go.
      const drain = yield* Process.daemon(process.execPath, [...asked, "--json"])
      yield* Process.said(drain, /"sessionCount":\d+.*\n/)
      const status = Process.attempt("curl", ["-s", "--unix-socket", socket, "http://localhost/readyz"])
      yield* Process.until("the relay to say that it drains", status, ({ stdout }) =>
        stdout.includes("no new sessions")
      )
      yield* tracing.lttng("create", "ninth", ...Lttng.toRelay(relay))
      const refused = yield* tracing.attempt("enable-event", "-u", "demo:*")
      assert.notStrictEqual(refused.code, 0)
      yield* tracing.emit({ count: 1000 })
      for (const name of names) yield* tracing.lttng("destroy", name)
      const { code: drained, stdout } = yield* drain.ended
      assert.strictEqual(drained, 0)
      const counts = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).sessionCount as number)
      assert.strictEqual(counts[0], 8)
      assert.strictEqual(counts.at(-1), 0)
      for (const name of names) {
        const trace = yield* Process.run("find", [relay.output, "-type", "d", "-name", name])
        Babeltrace.assertExactly(yield* Babeltrace.read(trace.stdout.trim()), [{ count: 1000 }])
      }
      yield* Process.said(relay.process, "SESSION_DRAINING")
    })
  )
})
