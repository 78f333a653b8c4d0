/** The dashboard and the alert rules that are shipped name series, labels and values that there are. */
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { causes, ports } from "../../src/relay/ConnectionKinds.ts"
import { operations } from "../../src/storage/DeviceFigures.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Reference from "./reference.ts"

const packaging = fileURLToPath(new URL("../../packaging", import.meta.url))
const rules = `${packaging}/prometheus/lttng-relay.rules.yml`
const dashboard = `${packaging}/grafana/lttng-relay.json`

interface Panel {
  readonly title: string
  readonly targets: ReadonlyArray<{ readonly expr: string }>
}

const panels = (JSON.parse(readFileSync(dashboard, "utf8")) as { readonly panels: ReadonlyArray<Panel> }).panels

/** Every expression of both, with where it stands. */
const expressions: ReadonlyArray<readonly [where: string, text: string]> = [
  ...panels.flatMap(({ targets, title }) => targets.map(({ expr }) => [title, expr] as const)),
  ...[...readFileSync(rules, "utf8").matchAll(/alert: (\w+)\n +expr: (?:>-\n +)?(.*)$/gm)].map(
    ([, name = "", text = ""]) => [name, text] as const
  )
]

/** Those of the scraper, not of the relay. */
const scraped = ["instance", "job"]
const known = new Map(Reference.all.map((instrument) => [instrument.name, instrument]))
const instrumentOf = (series: string) => known.get(series) ?? known.get(series.replace(/_(bucket|sum|count)$/, ""))

const values: Readonly<Record<string, ReadonlyArray<string>>> = {
  cause: causes,
  port: ports,
  operation: operations,
  path: ["quick", "careful"],
  state: ["in_flight", "waiting", "open", "suspended"],
  statistic: ["median", "p99", "max"]
}

describe("what is shipped for Prometheus and Grafana", () => {
  it("names instruments of the table, and only labels that they have", () => {
    assert.isAbove(expressions.length, 25)
    const wrong = expressions.flatMap(([where, text]) =>
      [...text.matchAll(/\b(lttng_relay_\w+)(?:\{([^}]*)\})?/g)].flatMap(([, series = "", matchers = ""]) => {
        const instrument = instrumentOf(series)
        if (instrument === undefined) return [`${where}: ${series}`]
        const isBucket = series.endsWith("_bucket") && instrument.kind === "histogram"
        const labels = [...instrument.labels, ...scraped, ...(isBucket ? ["le"] : [])]
        const matched = [...matchers.matchAll(/(\w+)\s*[!=]~?"([^"]*)"/g)]
        const grouped = [...text.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(/, */))
        const unknown = [...matched.map(([, label = ""]) => label), ...grouped].filter((name) => !labels.includes(name))
        const impossible = matched.flatMap(([, label = "", value = ""]) =>
          value.split("|").filter((one) => !one.startsWith("$") && values[label]?.includes(one) === false)
        )
        return [...unknown, ...impossible].map((name) => `${where}: ${name} of ${series}`)
      })
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("takes rates of counters, and of nothing else", () => {
    const wrong = expressions.flatMap(([where, text]) =>
      [...text.matchAll(/\b(?:rate|increase)\((lttng_relay_\w+)/g)]
        .filter(([, series = ""]) => instrumentOf(series)?.kind === "gauge")
        .map(([found]) => `${where}: ${found}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("is in the package", () => {
    const { files } = JSON.parse(readFileSync(`${packaging}/../package.json`, "utf8")) as {
      readonly files: Array<string>
    }
    assert.include(files, "packaging")
    assert.isAbove(globSync(`${packaging}/{prometheus,grafana}/*`).length, 1)
  })
})

Peers.describeWithPeers(["promtool"], "promtool", () => {
  it.live("finds the alert rules in order", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Process.run("promtool", ["check", "rules", rules])
      assert.match(stdout, /SUCCESS: \d+ rules found/)
    })
  )
})
