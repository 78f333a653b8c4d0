/**
 * Samples as text for a scraper: Prometheus' text format 0.0.4, or OpenMetrics 1.0. Samples of one instrument come one
 * after the other.
 *
 * Written here because a registry that holds a thousand sessions' series costs ten times what their text does.
 */
import * as Instruments from "./Instruments.ts"
import type { Sample } from "./Sample.ts"

export type Form = "prometheus" | "openmetrics"

export const contentTypes: Readonly<Record<Form, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
}

const openMetrics = /^application\/openmetrics-text\s*(;(?!.*\bq=0(\.0+)?\s*(;|$)).*)?$/i

/**
 * OpenMetrics for scrapers that accept it, Prometheus' text for all others. `accept` is the header, if there is one.
 */
export const formOf = (accept: string | undefined): Form =>
  accept?.split(",").some((range) => openMetrics.test(range.trim())) === true ? "openmetrics" : "prometheus"

const escapeLabel = (text: string): string =>
  /[\\"\n]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : text

const labelsOf = (
  { labels: names }: Instruments.Instrument,
  values: ReadonlyArray<string>,
  ...more: ReadonlyArray<string>
) => {
  const pairs = names.map((name, at) => `${name}="${escapeLabel(values[at] ?? "")}"`)
  const all = [...pairs, ...more]
  return all.length === 0 ? "" : `{${all.join(",")}}`
}

const number = (value: number): string => {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  return Number.isNaN(value) ? "NaN" : String(value)
}

const names = new Set(Object.values(Instruments).flatMap((one) => (typeof one === "object" ? one.name : [])))

/**
 * The name and kind of an instrument's family. In OpenMetrics a counter's has the name of its samples without "_total",
 * unless another instrument has that: a text with two families of one name is refused, one of unknown kind is not.
 */
const familyOf = ({ name, kind }: Instruments.Instrument, form: Form): readonly [name: string, kind: string] => {
  if (form !== "openmetrics" || kind !== "counter") return [name, kind]
  const family = name.replace(/_total$/, "")
  return names.has(family) ? [name, "unknown"] : [family, kind]
}

const head = (instrument: Instruments.Instrument, form: Form): string => {
  const [family, kind] = familyOf(instrument, form)
  return `# HELP ${family} ${instrument.help}\n# TYPE ${family} ${kind}\n`
}

/** A bucket's limit: OpenMetrics demands a decimal point in whole numbers, too. */
const limitOf = (limit: number): string => (Number.isInteger(limit) ? `${limit}.0` : number(limit))

/** Makes the text of one sample after the other. */
class Writer {
  readonly #form: Form
  #instrument: Instruments.Instrument | undefined
  /** Text of labels, by their names and values: samples of one channel share their arrays. */
  readonly #labels = new Map<ReadonlyArray<string>, WeakMap<ReadonlyArray<string>, string>>()

  constructor(form: Form) {
    this.#form = form
  }

  lines(one: Sample): string {
    const { instrument, value } = one
    const before = instrument === this.#instrument ? "" : head(instrument, this.#form)
    this.#instrument = instrument
    if (typeof value !== "number") return `${before}${this.#histogram(one)}`
    return `${before}${instrument.name}${this.#labelsOf(one)} ${number(value)}\n`
  }

  /** The text after the last sample. */
  end(): string {
    return this.#form === "openmetrics" ? "# EOF\n" : ""
  }

  #labelsOf({ instrument, labels }: Sample): string {
    let known = this.#labels.get(instrument.labels)
    if (known === undefined) {
      known = new WeakMap()
      this.#labels.set(instrument.labels, known)
    }
    const text = known.get(labels) ?? labelsOf(instrument, labels)
    known.set(labels, text)
    return text
  }

  #histogram({ instrument, labels, value }: Sample): string {
    if (typeof value === "number") return ""
    const { name } = instrument
    const buckets = value.buckets.map(
      ({ limit, count }) => `${name}_bucket${labelsOf(instrument, labels, `le="${limitOf(limit)}"`)} ${count}\n`
    )
    const own = labelsOf(instrument, labels)
    return `${buckets.join("")}${name}_sum${own} ${number(value.sum)}\n${name}_count${own} ${value.count}\n`
  }
}

/** Samples between two looks at other work, which take a fraction of a millisecond. */
const sliceCount = 128

/** The text in slices, between which the caller lets others work: no packet waits for a thousand sessions' text. */
export function* slices(samples: Iterable<Sample>, form: Form): Generator<Uint8Array> {
  const writer = new Writer(form)
  let [slice, count] = ["", 0]
  for (const one of samples) {
    slice += writer.lines(one)
    if (++count % sliceCount !== 0) continue
    yield Buffer.from(slice)
    slice = ""
  }
  yield Buffer.from(slice + writer.end())
}
