/** How many elements an array has, or bytes a text: a number of its class, or what another field says. */
import type { DynamicArray, Reference, StaticArray } from "../model/FieldClass.ts"
import { align, type Cursor, checkedLength } from "./Cursor.ts"
import { leastBits } from "./Layout.ts"
import type { Slots } from "./Slots.ts"

/** Aligns the cursor and answers the length, if so many elements can be there. */
export type ReadLength = (cursor: Cursor) => number

export const of = (length: number | Reference, alignment: number, elementBitsMin: number, slots: Slots): ReadLength => {
  const slot = typeof length === "number" ? undefined : slots.of(length)
  return (cursor) => {
    align(cursor, alignment)
    return checkedLength(cursor, slot === undefined ? (length as number) : cursor.refs[slot], elementBitsMin)
  }
}

export const ofArray = ({ alignment, element, length }: StaticArray | DynamicArray, slots: Slots): ReadLength =>
  of(length, alignment, leastBits(element), slots)
