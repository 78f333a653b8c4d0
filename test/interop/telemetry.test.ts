/**
 * What the operator's port says of real tracing: the same losses as babeltrace2 warns of, to a real Prometheus.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const setUp = Effect.gen(function* () {
  const port = yield* Ports.free
  const relay = yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`] })
  const tracing = yield* Lttng.start
  return { relay, port, ...tracing }
})

const textOf = (port: number, path: string) =>
  Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}${path}`)).text())

/** A session whose tracer discards, and the number that its metrics and a reader of its files agree on. */
const loseEvents = ({ emit, lttng, relay }: Effect.Success<typeof setUp>) =>
  Effect.gen(function* () {
    yield* lttng("create", "lossy", ...Lttng.toRelay(relay))
    yield* lttng("enable-channel", "-u", "--subbuf-size=4k", "--num-subbuf=2", "ch")
    yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
    yield* lttng("start")
    yield* emit({ count: 200_000 })
    yield* lttng("stop")
    const { discarded } = yield* Babeltrace.read(relay.output)
    return discarded.reduce((sum, line) => sum + Number(/discarded (\d+) events?/.exec(line)?.[1] ?? 0), 0)
  })

Peers.describeWithPeers(Peers.tracing, "the metrics of a tracer that loses events", () => {
  it.live("count as many as babeltrace2 warns of", () =>
    Effect.gen(function* () {
      const scene = yield* setUp
      const lost = yield* loseEvents(scene)
      assert.isAbove(lost, 0)
      const metrics = yield* textOf(scene.port, "/metrics")
      const own = /^lttng_relay_channel_discarded_events_total\{.*session="lossy",channel="ch"\} (\d+)$/m.exec(metrics)
      assert.strictEqual(Number(own?.[1]), lost)
      assert.match(metrics, new RegExp(`^lttng_relay_tracer_discarded_events_total ${lost}$`, "m"))
      yield* scene.lttng("destroy")
      // The session's own series are gone with it; the relay's sum stays.
      const metricsNow = textOf(scene.port, "/metrics")
      yield* Process.until("the session's series to go", metricsNow, (text) => !text.includes('session="lossy"'))
      assert.match(yield* metricsNow, new RegExp(`^lttng_relay_tracer_discarded_events_total ${lost}$`, "m"))
    })
  )
})

const query = (port: number, expression: string) =>
  Effect.promise(async () => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`)
      const { data } = (await answer.json()) as { data: { result: ReadonlyArray<{ value: [number, string] }> } }
      return Number(data.result[0]?.value[1])
    } catch {
      // Not listening yet.
      return Number.NaN
    }
  })

Peers.describeWithPeers([...Peers.tracing, "prometheus", "promtool"], "a real Prometheus", () => {
  it.live("scrapes the relay and answers for it; promtool finds nothing to complain of", () =>
    Effect.gen(function* () {
      const scene = yield* setUp
      const lost = yield* loseEvents(scene)
      const home = yield* Relays.temporaryDirectory("prometheus")
      writeFileSync(join(home, "metrics"), yield* textOf(scene.port, "/metrics"))
      const checked = yield* Process.run("sh", ["-c", 'promtool check metrics < "$0"', join(home, "metrics")])
      assert.strictEqual(checked.stdout + checked.stderr, "")
      const config = join(home, "prometheus.yml")
      const targets = `static_configs: [{ targets: ["127.0.0.1:${scene.port}"] }]`
      writeFileSync(config, `scrape_configs: [{ job_name: relay, scrape_interval: 1s, ${targets} }]\n`)
      const port = yield* Ports.free
      yield* Process.daemon("prometheus", [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(home, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`
      ])
      const sum = "sum(lttng_relay_channel_discarded_events_total)"
      yield* Process.until("Prometheus to have the losses", query(port, sum), (value) => value === lost, {
        seconds: 60
      })
      // A scrape takes longer than its interval where the machine has too much to do: then the next one is in time.
      yield* Process.until("its last scrape to be in time", query(port, "up"), (value) => value === 1)
    })
  )
})
