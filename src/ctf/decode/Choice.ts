/** Selector values → option of a variant, presence of an optional. */
import type { Optional, Range, Variant } from "../model/FieldClass.ts"
import type { Cursor, Int } from "./Cursor.ts"
import { Fault } from "./Fault.ts"
import type { Slots } from "./Slots.ts"

export type Choose = (value: Int | undefined) => number

const denseMax = 256n

/** Answers the index of the option that a value chooses, −1 for none. */
export const option = ({ choices }: Variant): Choose => {
  const dense = new Int16Array(Number(denseMax)).fill(-1)
  let isDense = true
  for (const { lower, option, upper } of choices) {
    if (lower < 0n || upper >= denseMax) isDense = false
    else dense.fill(option, Number(lower), Number(upper) + 1)
  }
  if (isDense) {
    return (value) => (typeof value === "number" && value >= 0 && value < dense.length ? (dense[value] as number) : -1)
  }
  return (value) => {
    if (value === undefined) return -1
    // Finds the last range that begins at or before the value.
    let [first, count] = [0, choices.length]
    while (count > 0) {
      const half = count >> 1
      if ((choices[first + half] as Range).lower <= value) {
        first += half + 1
        count -= half + 1
      } else {
        count = half
      }
    }
    const found = choices[first - 1]
    return found !== undefined && value <= found.upper ? found.option : -1
  }
}

export const noOption = (value: unknown): never => {
  throw new Fault("variant-no-option", `no option of the variant for the selector's value ${value}`)
}

/** Answers which of `options`, made for those of the variant, is chosen; throws if none is. */
export const chosen = <A>(variant: Variant, options: ReadonlyArray<A>, slots: Slots): ((cursor: Cursor) => A) => {
  const slot = slots.of(variant.selector)
  const choose = option(variant)
  return (cursor) => {
    const value = cursor.refs[slot]
    return options[choose(value)] ?? noOption(value)
  }
}

/** Answers whether the content of the optional is there. */
export const presence = ({ ranges, selector }: Optional, slots: Slots): ((cursor: Cursor) => boolean) => {
  const slot = slots.of(selector)
  return (cursor) => {
    const value = cursor.refs[slot]
    if (value === undefined) return false
    if (ranges === undefined) return value !== 0
    return ranges.some(({ lower, upper }) => lower <= value && value <= upper)
  }
}
