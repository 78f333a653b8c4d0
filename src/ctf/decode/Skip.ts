/**
 * Field classes compiled to closures that move a cursor beyond a field and note what later fields, the packet or the
 * clock need of it. That is also how the end of an event record is found.
 *
 * They define what decoding means; generated functions (`Generated`) do the same faster.
 */
import type { Bool, FieldClass, Integer, Role, Structure, VariableInteger, Variant } from "../model/FieldClass.ts"
import * as Choice from "./Choice.ts"
import { align, type Cursor, type Int, moveClock, need, spend } from "./Cursor.ts"
import { Fault } from "./Fault.ts"
import { emptyElements, emptyVisits, emptyVisitsMax, fixedBits, leastBits, roundUp } from "./Layout.ts"
import * as Length from "./Length.ts"
import * as Numbers from "./Numbers.ts"
import * as Regions from "./Regions.ts"
import { below, type Place, type Slots } from "./Slots.ts"

/** Moves the cursor beyond a field. */
export type Skip = (cursor: Cursor) => void

/** Notes the value of a field with a role. `bits`: the field's size; 7 for each byte of a variable-length one. */
type Sink = (cursor: Cursor, value: Int, bits: number) => void

const sinks: Readonly<Record<Role, Sink>> = {
  "packet-magic-number": (cursor, value) => {
    cursor.magic = value
  },
  "metadata-stream-uuid": () => {},
  "data-stream-class-id": (cursor, value) => {
    cursor.streamClassId = value
  },
  "data-stream-id": (cursor, value) => {
    cursor.streamId = value
  },
  "packet-total-length": (cursor, value) => {
    cursor.totalBits = value
  },
  "packet-content-length": (cursor, value) => {
    cursor.contentBits = value
  },
  "default-clock-timestamp": moveClock,
  "packet-end-default-clock-timestamp": (cursor, value) => {
    cursor.endTime = value
  },
  "discarded-event-record-counter-snapshot": (cursor, value) => {
    cursor.discarded = value
  },
  "packet-sequence-number": (cursor, value) => {
    cursor.sequence = value
  },
  "event-record-class-id": (cursor, value) => {
    cursor.eventId = value
  }
}

/** Reads an integer and keeps its value where it is referred to. All walks over a packet read integers with this. */
export const integer = (fieldClass: Integer | VariableInteger | Bool, place: Place, slots: Slots): Numbers.ReadInt => {
  const read =
    fieldClass.kind === "variable-integer"
      ? Numbers.variable(fieldClass.isSigned)
      : Numbers.fixed(fieldClass, fieldClass.kind === "integer" && fieldClass.isSigned)
  const [slot, ...others] = slots.at(place)
  if (slot === undefined) return read
  return (cursor) => {
    const value = read(cursor)
    cursor.refs[slot] = value
    for (let i = 0; i < others.length; i++) cursor.refs[others[i] as number] = value
    return value
  }
}

const number = (fieldClass: Integer | VariableInteger | Bool, place: Place, slots: Slots): Skip => {
  const read = integer(fieldClass, place, slots)
  const roles = fieldClass.kind === "boolean" ? [] : fieldClass.roles
  if (roles.length === 0) {
    return (cursor) => {
      read(cursor)
    }
  }
  const size = fieldClass.kind === "variable-integer" ? undefined : fieldClass.size
  const all = roles.map((role) => sinks[role])
  return (cursor) => {
    align(cursor, fieldClass.alignment)
    const from = cursor.at
    const value = read(cursor)
    const bits = size ?? ((cursor.at - from) / 8) * 7
    for (const sink of all) sink(cursor, value, bits)
  }
}

const structure = ({ alignment, members }: Structure, place: Place, slots: Slots): Skip => {
  const skips = members.map(({ fieldClass }, index) => skip(fieldClass, below(place, index), slots))
  return (cursor) => {
    align(cursor, alignment)
    for (let i = 0; i < skips.length; i++) (skips[i] as Skip)(cursor)
  }
}

/** Clears slots that an earlier record may have set, in an option that this one does not choose. */
const forget = (cursor: Cursor, slots: ReadonlyArray<number>): void => {
  for (let i = 0; i < slots.length; i++) cursor.refs[slots[i] as number] = undefined
}

const variant = (fieldClass: Variant, place: Place, slots: Slots): Skip => {
  const skips = fieldClass.options.map((option, index) => skip(option.fieldClass, below(place, index), slots))
  const chosen = Choice.chosen(fieldClass, skips, slots)
  const inner = slots.within(place)
  return (cursor) => {
    const content = chosen(cursor)
    forget(cursor, inner)
    content(cursor)
  }
}

/** Moves beyond `count` elements. Those of a fixed size are not visited one by one. */
const repeat = (element: FieldClass, place: Place, slots: Slots): ((cursor: Cursor, count: number) => void) => {
  const bits = slots.isWithin(place) ? undefined : fixedBits(element)
  if (bits !== undefined) {
    const { alignment } = element
    const stride = roundUp(bits, alignment)
    const emptyCount = emptyElements(element)
    return (cursor, count) => {
      if (count === 0) return
      if (emptyCount > 0) spend(cursor, count * emptyCount)
      align(cursor, alignment)
      need(cursor, stride * (count - 1) + bits)
      cursor.at += stride * (count - 1) + bits
    }
  }
  const one = skip(element, place, slots)
  return (cursor, count) => {
    for (let i = 0; i < count; i++) one(cursor)
  }
}

/** Skips that are the same in all classes: a thousand traces have more classes than memory for closures of each. */
const known = new Map<string, Skip>()

const shared = (key: string, make: () => Skip): Skip => {
  const skip = known.get(key) ?? make()
  if (known.size < knownMax) known.set(key, skip)
  return skip
}

/** Sizes come from traces: a program that reads trace after trace would collect them. */
const knownMax = 1000

const fixed = (alignment: number, bits: number, emptyCount: number): Skip =>
  shared(`${alignment} ${bits} ${emptyCount}`, () => (cursor) => {
    if (emptyCount > 0) spend(cursor, emptyCount)
    align(cursor, alignment)
    need(cursor, bits)
    cursor.at += bits
  })

const scratch: Regions.Region = { from: 0, to: 0 }

export const skip = (fieldClass: FieldClass, place: Place, slots: Slots): Skip => {
  if (emptyVisits(fieldClass) > emptyVisitsMax) {
    return () => {
      throw new Fault("too-many-elements", `${emptyVisits(fieldClass)} elements without any bits`)
    }
  }
  const bits = slots.isWithin(place) ? undefined : fixedBits(fieldClass)
  if (bits !== undefined) return fixed(fieldClass.alignment, bits, emptyElements(fieldClass))
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer":
    case "boolean":
      return number(fieldClass, place, slots)
    case "bit-array":
    case "bit-map":
    case "float": {
      const read = Numbers.fixed(fieldClass, false)
      return (cursor) => {
        read(cursor)
      }
    }
    case "structure":
      return structure(fieldClass, place, slots)
    case "variant":
      return variant(fieldClass, place, slots)
    case "static-array":
    case "dynamic-array": {
      const elements = repeat(fieldClass.element, place, slots)
      const lengthOf = Length.ofArray(fieldClass, slots)
      const isEmpty = leastBits(fieldClass.element) === 0
      return (cursor) => {
        const count = lengthOf(cursor)
        if (isEmpty) spend(cursor, count)
        elements(cursor, count)
      }
    }
    case "optional": {
      const content = skip(fieldClass.content, place, slots)
      const isThere = Choice.presence(fieldClass, slots)
      const inner = slots.within(place)
      return (cursor) => {
        forget(cursor, inner)
        if (isThere(cursor)) content(cursor)
      }
    }
    case "string":
      return shared(fieldClass.encoding, () => region(fieldClass, slots))
    default:
      return region(fieldClass, slots)
  }
}

const region = (fieldClass: Regions.RegionClass, slots: Slots): Skip => {
  const read = Regions.region(fieldClass, slots)
  const isUuid = fieldClass.kind === "static-blob" && fieldClass.roles.length > 0
  return (cursor) => {
    read(cursor, scratch)
    if (isUuid) cursor.uuid = cursor.bytes.slice(scratch.from, scratch.to)
  }
}
