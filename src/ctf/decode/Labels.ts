/** Values of enumerations → all their labels, in order of declaration; values of bit maps → names of their flags. */
import type { Mapping } from "../model/FieldClass.ts"
import { compareInts, type Int } from "./Cursor.ts"

interface Span {
  readonly lower: bigint
  readonly upper: bigint
  readonly index: number
  /** The largest upper bound of the spans up to this one: before it, none reaches further. */
  readonly reach: bigint
}

export type LabelsOf = (value: Int) => ReadonlyArray<string>

/** How many values have what is made of them cached: a hostile trace must not fill the memory. */
const cachedMax = 4096

/** Answers what `make` makes of a value, for values that come again and again. */
export const cached = <A extends object>(make: (value: Int) => A): ((value: Int) => A) => {
  const known = new Map<Int, A>()
  return (value) => {
    let made = known.get(value)
    if (made === undefined) {
      made = make(value)
      if (known.size < cachedMax) known.set(value, made)
    }
    return made
  }
}

/** Makes the function from an enumeration's value to its labels. */
export const labels = (mappings: ReadonlyArray<Mapping>): LabelsOf => {
  const sorted = mappings
    .flatMap(({ ranges }, index) => ranges.map(({ lower, upper }) => ({ lower, upper, index })))
    .sort((a, b) => compareInts(a.lower, b.lower))
  const spans: Array<Span> = []
  for (const span of sorted) {
    const before = spans.at(-1)?.reach
    spans.push({ ...span, reach: before !== undefined && before > span.upper ? before : span.upper })
  }
  return cached((value) => find(spans, BigInt(value)).map((index) => (mappings[index] as Mapping).label))
}

const find = (spans: ReadonlyArray<Span>, value: bigint): ReadonlyArray<number> => {
  let [first, count] = [0, spans.length]
  while (count > 0) {
    const half = count >> 1
    if ((spans[first + half] as Span).lower <= value) {
      first += half + 1
      count -= half + 1
    } else {
      count = half
    }
  }
  const found = new Set<number>()
  for (let i = first - 1; i >= 0; i--) {
    const span = spans[i] as Span
    if (span.reach < value) break
    if (value <= span.upper) found.add(span.index)
  }
  return [...found].sort((a, b) => a - b)
}

/** Makes the function from a value to the names of flags with a bit in it, sorted bytewise as readers show them. */
export const flags = (mappings: ReadonlyArray<Mapping>): LabelsOf => {
  const masks = mappings.map(({ label, ranges }) => {
    let mask = 0n
    for (const { lower, upper } of ranges) mask |= ((1n << (upper - lower + 1n)) - 1n) << lower
    return { label, mask, bytes: Buffer.from(label) }
  })
  masks.sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  return cached((value) => {
    const bits = BigInt(value)
    return masks.filter(({ mask }) => (mask & bits) !== 0n).map(({ label }) => label)
  })
}
