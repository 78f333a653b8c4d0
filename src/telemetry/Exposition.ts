/**
 * Samples as text for a scraper: Prometheus' text format 0.0.4. Samples of one instrument come one after the other.
 *
 * Written here because a registry that holds a thousand sessions' series costs ten times what their text does.
 */
import { Effect, Stream } from "effect"
import type { Instrument } from "./Instruments.ts"
import type { Sample } from "./Sample.ts"

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

const escapeLabel = (text: string): string =>
  /[\\"\n]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : text

const labelsOf = ({ labels: names }: Instrument, values: ReadonlyArray<string>, ...more: ReadonlyArray<string>) => {
  const pairs = names.map((name, at) => `${name}="${escapeLabel(values[at] ?? "")}"`)
  const all = [...pairs, ...more]
  return all.length === 0 ? "" : `{${all.join(",")}}`
}

const number = (value: number): string => {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  return Number.isNaN(value) ? "NaN" : String(value)
}

const head = ({ name, kind, help }: Instrument): string => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`

/** Makes the text of samples as they come. */
class Writer {
  #instrument: Instrument | undefined
  /** By values: the samples of one channel share theirs, over instruments with the same names. */
  readonly #labels = new Map<ReadonlyArray<string>, WeakMap<ReadonlyArray<string>, string>>()

  lines(one: Sample): string {
    const { instrument, value } = one
    const before = instrument === this.#instrument ? "" : head(instrument)
    this.#instrument = instrument
    if (typeof value !== "number") return `${before}${this.#histogram(one)}`
    return `${before}${instrument.name}${this.#labelsOf(one)} ${number(value)}\n`
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
      ({ limit, count }) => `${name}_bucket${labelsOf(instrument, labels, `le="${number(limit)}"`)} ${count}\n`
    )
    const own = labelsOf(instrument, labels)
    return `${buckets.join("")}${name}_sum${own} ${number(value.sum)}\n${name}_count${own} ${value.count}\n`
  }
}

/** All in one turn. */
export const text = (samples: Iterable<Sample>): string => {
  const writer = new Writer()
  let all = ""
  for (const one of samples) all += writer.lines(one)
  return all
}

/** Samples from one look at other work to the next: about a millisecond. */
const sliceCount = 512

function* pieces(samples: Iterable<Sample>): Generator<Uint8Array> {
  const writer = new Writer()
  let [piece, count] = ["", 0]
  for (const one of samples) {
    piece += writer.lines(one)
    if (++count % sliceCount !== 0) continue
    yield Buffer.from(piece)
    piece = ""
  }
  yield Buffer.from(piece)
}

/** In pieces, each made in a turn of its own: nobody whose packets arrive waits for the text of a thousand sessions. */
export const stream = (samples: Iterable<Sample>): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(pieces(samples), { chunkSize: 1 }).pipe(Stream.tap(() => Effect.yieldNow))
