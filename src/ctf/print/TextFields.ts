/** How fields look as babeltrace2's text. */
import * as Choice from "../decode/Choice.ts"
import type { Cursor } from "../decode/Cursor.ts"
import * as Labels from "../decode/Labels.ts"
import * as Numbers from "../decode/Numbers.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import type { Place, Slots } from "../decode/Slots.ts"
import type { BitMap, Integer, Optional, VariableInteger } from "../model/FieldClass.ts"
import { Bytes, encoded } from "./Bytes.ts"
import type { Colors } from "./Colors.ts"
import { type Leaf, type Look, surrounded, type Write } from "./Fields.ts"
import * as Numerals from "./Numerals.ts"
import type * as Piece from "./Piece.ts"
import type { Quoting } from "./Quoting.ts"

export interface Style {
  /** Names of members and indexes of elements are written. */
  readonly hasNames: boolean
  /** What is written for a name. */
  readonly shown: (name: string) => string
  /** How values that are text are quoted. */
  readonly quoting: Quoting
  readonly colors: Colors
}

const sizeOf = (fieldClass: Integer | VariableInteger): number => (fieldClass.kind === "integer" ? fieldClass.size : 64)

const quotedLabels = (out: Bytes, labels: ReadonlyArray<string>, { colors, quoting }: Style): void => {
  labels.forEach((label, index) => {
    if (index > 0) out.ascii(", ")
    const bytes = encoded(label)
    out.ascii(colors.value)
    quoting.write(out, bytes, 0, bytes.length)
    out.ascii(colors.reset)
  })
}

/** Writes `( "A" : container = 3 )`; the bytes for a value are cached. */
const enumeration = (fieldClass: Integer | VariableInteger, read: Numbers.ReadInt, style: Style): Write => {
  const named = Labels.labels(fieldClass.mappings ?? [])
  const number = Numerals.integer(fieldClass.base, sizeOf(fieldClass))
  const own = new Bytes(256)
  const pieceOf = Labels.cached((value): Piece.Piece => {
    const labels = named(value)
    own.clear()
    own.ascii("( ")
    if (labels.length === 0) {
      own.ascii(style.colors.unknown)
      own.ascii("<unknown>")
      own.ascii(style.colors.reset)
    } else {
      if (labels.length > 1) own.ascii("{ ")
      quotedLabels(own, labels, style)
      if (labels.length > 1) own.ascii(" }")
    }
    own.ascii(" : container = ")
    own.ascii(style.colors.value)
    number(own, value)
    own.ascii(style.colors.reset)
    own.ascii(" )")
    return own.piece()
  })
  return (cursor, out) => out.write(pieceOf(read(cursor)))
}

const integer = (fieldClass: Integer | VariableInteger, read: Numbers.ReadInt): Write => {
  if (fieldClass.base === 10) return (cursor, out) => out.int(read(cursor))
  const number = Numerals.integer(fieldClass.base, sizeOf(fieldClass))
  return (cursor, out) => number(out, read(cursor))
}

const bitMap = (fieldClass: BitMap, style: Style): Write => {
  const read = Numbers.fixed(fieldClass, false)
  const number = Numerals.integer(16, fieldClass.size)
  const named = Labels.flags(fieldClass.flags)
  return (cursor, out) => {
    const value = read(cursor)
    out.ascii(style.colors.value)
    number(out, value)
    out.ascii(style.colors.reset)
    const names = named(value)
    if (names.length === 0) return
    out.ascii(" { ")
    quotedLabels(out, names, style)
    out.ascii(" }")
  }
}

const scratch: Regions.Region = { from: 0, to: 0 }

const blob = (fieldClass: Regions.RegionClass, slots: Slots, { colors }: Style): Write => {
  const read = Regions.region(fieldClass, slots)
  return (cursor, out) => {
    read(cursor, scratch)
    const { from, to } = scratch
    out.ascii("{ ")
    for (let i = from; i < to; i++) {
      out.ascii(colors.value)
      out.ascii((cursor.bytes[i] as number).toString(16).padStart(2, "0"))
      out.ascii(colors.reset)
      out.byte(0x20)
    }
    out.byte(0x7d)
  }
}

export const name = (text: string, { colors, hasNames, shown }: Omit<Style, "quoting">): string =>
  hasNames ? `${colors.name}${shown(text)}${colors.reset} = ` : ""

const braced = (write: Write): Write => {
  return (cursor, out) => {
    out.ascii("{ ")
    write(cursor, out)
    out.ascii(" }")
  }
}

/** Whether the content is shown: not if it is an absent optional and both selectors are booleans (babeltrace2). */
const presence = (fieldClass: Optional, slots: Slots): ((cursor: Cursor) => boolean) => {
  const { content, ranges } = fieldClass
  const isThere = Choice.presence(fieldClass, slots)
  if (ranges !== undefined || content.kind !== "optional" || content.ranges !== undefined) return isThere
  const isInnerThere = presence(content, slots)
  return (cursor) => isThere(cursor) && isInnerThere(cursor)
}

/** How fields look as text. */
export const look = (style: Style): Look => {
  const { colors, hasNames, quoting } = style
  const around = { before: colors.value, after: colors.reset }
  const leaf = (fieldClass: Leaf, place: Place, slots: Slots): Write => {
    switch (fieldClass.kind) {
      case "integer":
      case "variable-integer": {
        const read = Skip.integer(fieldClass, place, slots)
        if (fieldClass.mappings !== undefined) return enumeration(fieldClass, read, style)
        return surrounded(around, integer(fieldClass, read))
      }
      case "bit-array": {
        const read = Numbers.fixed(fieldClass, false)
        const number = Numerals.integer(16, fieldClass.size)
        return surrounded(around, (cursor, out) => number(out, read(cursor)))
      }
      case "bit-map":
        return bitMap(fieldClass, style)
      case "float": {
        const read = Numbers.float(fieldClass)
        return surrounded(around, (cursor, out) => {
          const value = read(cursor)
          out.ascii(Numerals.general(value, Numbers.isFloatNegative))
        })
      }
      default:
        return blob(fieldClass, slots, style)
    }
  }
  return {
    ...around,
    structure: { begin: "{ ", next: ", ", end: " }", empty: "{ }" },
    name: (text) => name(text, style),
    array: { begin: "[ ", next: ", ", end: " ]", empty: "[ ]" },
    index: (out, index) => {
      if (!hasNames) return
      out.byte(0x5b)
      out.int(index)
      out.ascii("] = ")
    },
    hasBases: true,
    quoting,
    text: (out, value) => {
      const bytes = encoded(value)
      quoting.write(out, bytes, 0, bytes.length)
    },
    around: braced,
    none: "<none>",
    presence,
    leaf
  }
}
