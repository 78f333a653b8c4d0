/**
 * Single fields of an event record, for filters: found by name once per event class, read without making other values.
 *
 * A filter is asked once per event record class; what it answers is asked per event record.
 */
import type { DynamicArray, FieldClass, Integer, Scope, StaticArray, Structure } from "../model/FieldClass.ts"
import * as Choice from "./Choice.ts"
import { align, type Cursor, goOn, grainBytes, type Int, readAgain } from "./Cursor.ts"
import type { DataStream } from "./DataStream.ts"
import * as Labels from "./Labels.ts"
import { fixedBits, roundUp } from "./Layout.ts"
import * as Length from "./Length.ts"
import * as Numbers from "./Numbers.ts"
import type { EventPlan } from "./Plan.ts"
import * as Regions from "./Regions.ts"
import * as Skip from "./Skip.ts"
import { below, type Place, root, type Slots } from "./Slots.ts"

/** Decides whether an event record is wanted: all of its class, none, or each by itself. */
export type Filter = (plan: EventPlan) => boolean | ((event: DataStream) => boolean)

/** Integers have one form each: a number where that is exact, else a bigint. */
export type Scalar = Int | string | boolean

/** A field of one event class, found once, read of every event. */
export interface Field {
  /** Undefined where the record has no such field: another option was chosen, the array is shorter. */
  readonly read: (event: DataStream) => Scalar | undefined
  /**
   * Labels or flags of the value that was read last. Undefined if the field is never an enumeration or a bit map;
   * answers undefined if the value is in an option of a variant that is neither.
   */
  readonly labelsOf: ((value: Scalar) => ReadonlyArray<string> | undefined) | undefined
}

type LabelsOf = Field["labelsOf"]
type Read = (cursor: Cursor) => Scalar | undefined

interface Found {
  readonly read: Read
  readonly labelsOf: LabelsOf
}

const leaf = (fieldClass: FieldClass, place: Place, slots: Slots): Read | undefined => {
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer":
      return Skip.integer(fieldClass, place, slots)
    case "boolean": {
      const read = Skip.integer(fieldClass, place, slots)
      return (cursor) => read(cursor) !== 0
    }
    case "bit-array":
    case "bit-map":
      return Numbers.fixed(fieldClass, false)
    case "float":
      return Numbers.float(fieldClass)
    case "string":
    case "static-string":
    case "dynamic-string":
      return Regions.text(fieldClass, slots)
    default:
      return undefined
  }
}

const labelsOf = (fieldClass: FieldClass): LabelsOf => {
  if (fieldClass.kind === "bit-map") return Labels.flags(fieldClass.flags) as LabelsOf
  const mappings = "mappings" in fieldClass ? fieldClass.mappings : undefined
  return mappings && (Labels.labels(mappings) as LabelsOf)
}

/** A step of a path: the name of a member, or the number of an element. */
export type Step = string | number

const member = (structure: Structure, path: ReadonlyArray<Step>, place: Place, slots: Slots): Found | undefined => {
  const [name, ...rest] = path
  const index = structure.members.findIndex((one) => one.name === String(name))
  const wanted = structure.members[index]
  if (wanted === undefined) return undefined
  const found = find(wanted.fieldClass, rest, below(place, index), slots)
  if (found === undefined) return undefined
  const before = structure.members
    .slice(0, index)
    .map(({ fieldClass }, at) => Skip.skip(fieldClass, below(place, at), slots))
  const { alignment } = structure
  const { labelsOf, read } = found
  return {
    labelsOf,
    read: (cursor) => {
      align(cursor, alignment)
      for (const skip of before) skip(cursor)
      return read(cursor)
    }
  }
}

const element = (
  array: StaticArray | DynamicArray,
  path: ReadonlyArray<Step>,
  place: Place,
  slots: Slots
): Found | undefined => {
  const [step, ...rest] = path
  const index = Number(step)
  if (!Number.isSafeInteger(index) || index < 0) return undefined
  const found = find(array.element, rest, place, slots)
  if (found === undefined) return undefined
  const skip = Skip.skip(array.element, place, slots)
  const lengthOf = Length.ofArray(array, slots)
  return {
    labelsOf: found.labelsOf,
    read: (cursor) => {
      if (index >= lengthOf(cursor)) return undefined
      for (let i = 0; i < index; i++) skip(cursor)
      return found.read(cursor)
    }
  }
}

/** An option by its name, or the field of that name in any option: `v.x` where `v`'s options are structures. */
const option = (
  fieldClass: Extract<FieldClass, { readonly kind: "variant" }>,
  path: ReadonlyArray<Step>,
  place: Place,
  slots: Slots
): Found | undefined => {
  const reads = fieldClass.options.map((one, index) => {
    const inner = below(place, index)
    const named = path.length > 0 && one.name === String(path[0])
    return (
      (named ? find(one.fieldClass, path.slice(1), inner, slots) : undefined) ??
      find(one.fieldClass, path, inner, slots)
    )
  })
  if (!reads.some((found) => found !== undefined)) return undefined
  const slot = slots.of(fieldClass.selector)
  const choose = Choice.option(fieldClass)
  let chosen: Found | undefined
  return {
    labelsOf: reads.some((found) => found?.labelsOf) ? (value) => chosen?.labelsOf?.(value) : undefined,
    read: (cursor) => {
      chosen = reads[choose(cursor.refs[slot])]
      return chosen?.read(cursor)
    }
  }
}

const find = (fieldClass: FieldClass, path: ReadonlyArray<Step>, place: Place, slots: Slots): Found | undefined => {
  switch (fieldClass.kind) {
    case "structure":
      return path.length === 0 ? undefined : member(fieldClass, path, place, slots)
    case "static-array":
    case "dynamic-array":
      return path.length === 0 ? undefined : element(fieldClass, path, place, slots)
    case "variant":
      return option(fieldClass, path, place, slots)
    case "optional": {
      const found = find(fieldClass.content, path, place, slots)
      const isThere = Choice.presence(fieldClass, slots)
      return found && { ...found, read: (cursor) => (isThere(cursor) ? found.read(cursor) : undefined) }
    }
    default: {
      const read = path.length === 0 ? leaf(fieldClass, place, slots) : undefined
      return read && { labelsOf: labelsOf(fieldClass), read }
    }
  }
}

interface Start {
  readonly structure: Structure | undefined
  readonly cursor: (event: DataStream) => Cursor
  readonly at: (event: DataStream) => number
}

const start = (plan: EventPlan, scope: Scope): Start | undefined => {
  const { eventClass, stream } = plan
  switch (scope) {
    case "packet-context":
      return {
        structure: stream.streamClass.packetContext,
        cursor: ({ head }) => head,
        at: ({ contextAt }) => contextAt
      }
    case "event-record-common-context":
      return {
        structure: stream.streamClass.commonContext,
        cursor: ({ cursor }) => cursor,
        at: ({ cursor }) => cursor.commonAt
      }
    case "event-record-specific-context":
      return { structure: eventClass.specificContext, cursor: ({ cursor }) => cursor, at: ({ cursor }) => cursor.ownAt }
    case "event-record-payload":
      return { structure: eventClass.payload, cursor: ({ cursor }) => cursor, at: ({ cursor }) => cursor.payloadAt }
    default:
      return undefined
  }
}

/** Larger ones are aligned in the packet, not in the window. */
const alignmentMax = grainBytes * 8

interface Whole {
  readonly fieldClass: Integer
  /** Bits from the aligned begin of the scope. */
  readonly offset: number
}

/** An integer in whole bytes that lies at the same place in every record of the class. */
const whole = (structure: Structure, [name, ...rest]: ReadonlyArray<Step>): Whole | undefined => {
  let offset = 0
  for (const { fieldClass, name: found } of structure.members) {
    offset = roundUp(offset, fieldClass.alignment)
    if (found === String(name)) {
      if (fieldClass.kind === "structure") {
        const inner = whole(fieldClass, rest)
        return inner && { ...inner, offset: offset + inner.offset }
      }
      const isWhole = fieldClass.kind === "integer" && rest.length === 0 && Numbers.isBytes(fieldClass)
      return isWhole ? { fieldClass, offset } : undefined
    }
    const bits = fixedBits(fieldClass)
    if (bits === undefined) return undefined
    offset += bits
  }
  return undefined
}

/** The record is whole: its end has been found. So nothing is checked, and the cursor need not move. */
const direct = ({ at, cursor, structure }: Start, path: ReadonlyArray<Step>): Field["read"] | undefined => {
  const found = structure && structure.alignment <= alignmentMax ? whole(structure, path) : undefined
  if (structure === undefined || found === undefined) return undefined
  const { fieldClass, offset } = found
  const read = Numbers.bytesRead(fieldClass, fieldClass.isSigned)
  const mask = structure.alignment - 1
  return (event) => read(cursor(event).view, (((at(event) + mask) & ~mask) + offset) >> 3)
}

/** Finds a field by names as they are shown, elements by index. Undefined if the class has no such field. */
export const field = (plan: EventPlan, scope: Scope, path: ReadonlyArray<Step>): Field | undefined => {
  const from = start(plan, scope)
  if (from?.structure === undefined) return undefined
  const found = find(from.structure, path, root(scope), plan.stream.slots)
  if (found === undefined) return undefined
  const { labelsOf, read } = found
  return {
    labelsOf,
    read:
      direct(from, path) ??
      ((event) => {
        const cursor = from.cursor(event)
        readAgain(cursor, from.at(event))
        try {
          return read(cursor)
        } finally {
          goOn(cursor)
        }
      })
  }
}
