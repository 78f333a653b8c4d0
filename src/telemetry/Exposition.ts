/**
 * Samples as text for a scraper: Prometheus' text format 0.0.4. Samples of one instrument stand together.
 *
 * Written here because a registry that holds a thousand sessions' series costs ten times what their text does.
 */
import { Effect } from "effect"
import { printable } from "../protocol/Text.ts"
import type { Instrument } from "./Instruments.ts"
import type { Sample } from "./Sample.ts"

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

/** A label is UTF-8: a scraper refuses all of a text that is not. */
const escapeLabel = (text: string): string =>
  /[\\"\n\ud800-\udfff]/.test(text)
    ? printable(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : text

const labelsOf = ({ labels: names }: Instrument, values: ReadonlyArray<string>, ...more: ReadonlyArray<string>) => {
  const pairs = names.map((name, at) => `${name}="${escapeLabel(values[at] ?? "")}"`)
  const all = [...pairs, ...more]
  return all.length === 0 ? "" : `{${all.join(",")}}`
}

const number = (value: number): string => {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  return Number.isNaN(value) ? "NaN" : String(value)
}

const lines = ({ instrument, labels, value }: Sample): string => {
  const { name } = instrument
  if (typeof value === "number") return `${name}${labelsOf(instrument, labels)} ${number(value)}\n`
  const buckets = value.buckets.map(
    ({ limit, count }) => `${name}_bucket${labelsOf(instrument, labels, `le="${number(limit)}"`)} ${count}\n`
  )
  const own = labelsOf(instrument, labels)
  return `${buckets.join("")}${name}_sum${own} ${number(value.sum)}\n${name}_count${own} ${value.count}\n`
}

class Gathered {
  readonly #byInstrument = new Map<Instrument, string>()

  add(one: Sample): void {
    const before = this.#byInstrument.get(one.instrument) ?? head(one.instrument)
    this.#byInstrument.set(one.instrument, before + lines(one))
  }

  get text(): string {
    return [...this.#byInstrument.values()].join("")
  }
}

/** All in one turn. */
export const text = (samples: Iterable<Sample>): string => {
  const gathered = new Gathered()
  for (const one of samples) gathered.add(one)
  return gathered.text
}

/** Samples from one look at other work to the next: a millisecond or two. */
const sliceCount = 1024

/** The same in slices: nobody whose packets arrive waits for the text of a thousand sessions. */
export const sliced = (samples: ReadonlyArray<Sample>): Effect.Effect<string> =>
  Effect.gen(function* () {
    const gathered = new Gathered()
    for (let from = 0; from < samples.length; from += sliceCount) {
      for (const one of samples.slice(from, from + sliceCount)) gathered.add(one)
      yield* Effect.yieldNow
    }
    return gathered.text
  })

const head = ({ name, kind, help }: Instrument): string => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`
