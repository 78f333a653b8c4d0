/**
 * Field classes compiled to closures that make JavaScript values, for fields that are asked for.
 *
 * | field | value |
 * | --- | --- |
 * | integer, bit array | number; bigint where its class has more than 53 bits |
 * | enumeration | `{ value, labels }`, a bit map `{ value, flags }` |
 * | float, boolean, text | number, boolean, string cut at its first zero |
 * | structure | object without a prototype, in order of declaration |
 * | array | array; a variant is its value, an optional its value or null, a blob a copy of its bytes |
 */
import type { DynamicArray, FieldClass, StaticArray, Structure } from "../model/FieldClass.ts"
import * as Choice from "./Choice.ts"
import { align, type Cursor, type Int, narrowed } from "./Cursor.ts"
import { flags, labels } from "./Labels.ts"
import * as Length from "./Length.ts"
import * as Numbers from "./Numbers.ts"
import * as Regions from "./Regions.ts"
import * as Skip from "./Skip.ts"
import { below, type Place, type Slots } from "./Slots.ts"

/** The value of an enumeration, with all labels whose ranges contain it. */
export interface Enumerated {
  readonly value: number | bigint
  readonly labels: ReadonlyArray<string>
}

/** The value of a bit map, with the names of the flags that have a bit set in it. */
export interface Flagged {
  readonly value: number | bigint
  readonly flags: ReadonlyArray<string>
}

/** A field as a JavaScript value: integers of more than 53 bits are bigint. */
export type Value =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | Enumerated
  | Flagged
  | ReadonlyArray<Value>
  | Structured
/** A structure, by the names of its members. */
export interface Structured {
  readonly [name: string]: Value
}

/** Reads a field where the cursor is. */
export type ReadValue = (cursor: Cursor) => Value

const scratch: Regions.Region = { from: 0, to: 0 }

const integerBits = (fieldClass: FieldClass): number =>
  "size" in fieldClass ? fieldClass.size : fieldClass.kind === "variable-integer" ? 64 : 0

/** A reader of bigints for classes that may need them, whatever the value. */
const typed = (read: Numbers.ReadInt, fieldClass: FieldClass): ((cursor: Cursor) => number | bigint) =>
  integerBits(fieldClass) > 53 ? (cursor) => BigInt(read(cursor)) : (read as (cursor: Cursor) => number)

const structure = ({ alignment, members }: Structure, place: Place, slots: Slots): ReadValue => {
  const reads = members.map(({ fieldClass, name }, index) => ({
    name,
    read: isHidden(fieldClass) ? undefined : value(fieldClass, below(place, index), slots),
    skip: Skip.skip(fieldClass, below(place, index), slots)
  }))
  return (cursor) => {
    align(cursor, alignment)
    const result: Record<string, Value> = Object.create(null)
    for (const { name, read, skip } of reads) {
      if (read === undefined) skip(cursor)
      else result[name] = read(cursor)
    }
    return result
  }
}

/** Fields with a role serve decoding and are not shown. */
export const isHidden = (fieldClass: FieldClass): boolean => "roles" in fieldClass && fieldClass.roles.length > 0

const elements = (fieldClass: StaticArray | DynamicArray, place: Place, slots: Slots): ReadValue => {
  const read = value(fieldClass.element, place, slots)
  const lengthOf = Length.ofArray(fieldClass, slots)
  return (cursor) => {
    const count = lengthOf(cursor)
    const result: Array<Value> = []
    for (let i = 0; i < count; i++) result.push(read(cursor))
    return result
  }
}

/** Compiles the reader of a field class at its place. */
export const value = (fieldClass: FieldClass, place: Place, slots: Slots): ReadValue => {
  slots.collect(fieldClass)
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer": {
      const read = typed(Skip.integer(fieldClass, place, slots), fieldClass)
      if (fieldClass.mappings === undefined) return read
      const named = labels(fieldClass.mappings)
      return (cursor) => {
        const value = read(cursor)
        return { value, labels: named(narrowedInt(value)) }
      }
    }
    case "boolean": {
      const read = Skip.integer(fieldClass, place, slots)
      return (cursor) => read(cursor) !== 0
    }
    case "bit-array":
      return typed(Numbers.fixed(fieldClass, false), fieldClass)
    case "bit-map": {
      const read = typed(Numbers.fixed(fieldClass, false), fieldClass)
      const named = flags(fieldClass.flags)
      return (cursor) => {
        const value = read(cursor)
        return { value, flags: named(narrowedInt(value)) }
      }
    }
    case "float":
      return Numbers.float(fieldClass)
    case "structure":
      return structure(fieldClass, place, slots)
    case "static-array":
    case "dynamic-array":
      return elements(fieldClass, place, slots)
    case "optional": {
      const content = value(fieldClass.content, place, slots)
      const isThere = Choice.presence(fieldClass, slots)
      return (cursor) => (isThere(cursor) ? content(cursor) : null)
    }
    case "variant": {
      const options = fieldClass.options.map((option, index) => value(option.fieldClass, below(place, index), slots))
      const chosen = Choice.chosen(fieldClass, options, slots)
      return (cursor) => chosen(cursor)(cursor)
    }
    case "static-blob":
    case "dynamic-blob": {
      const read = Regions.region(fieldClass, slots)
      return (cursor) => {
        read(cursor, scratch)
        return cursor.bytes.slice(scratch.from, scratch.to)
      }
    }
    default:
      return Regions.text(fieldClass, slots)
  }
}

const narrowedInt = (value: number | bigint): Int => (typeof value === "number" ? value : narrowed(value))
