/** Field classes compiled to closures that read a field and write it as babeltrace2's text. */
import * as Choice from "../decode/Choice.ts"
import type { Cursor } from "../decode/Cursor.ts"
import * as Encodings from "../decode/Encodings.ts"
import * as Labels from "../decode/Labels.ts"
import * as Length from "../decode/Length.ts"
import * as Numbers from "../decode/Numbers.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import { below, type Place, type Slots } from "../decode/Slots.ts"
import * as Values from "../decode/Values.ts"
import type {
  BitMap,
  DynamicArray,
  Encoding,
  FieldClass,
  Integer,
  Optional,
  StaticArray,
  Structure,
  VariableInteger
} from "../model/FieldClass.ts"
import type { Look } from "./Assembly.ts"
import { Bytes, encoded } from "./Bytes.ts"
import type { Colors } from "./Colors.ts"
import { inTurn, type Write } from "./Members.ts"
import * as Numerals from "./Numerals.ts"
import * as Piece from "./Piece.ts"
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

interface Context {
  readonly slots: Slots
  readonly style: Style
}

const isColored = ({ style }: Context): boolean => style.colors.reset !== ""

const colored = (color: string, write: Write, context: Context): Write => {
  if (!isColored(context)) return write
  const start = Piece.of(color)
  const reset = Piece.of(context.style.colors.reset)
  return (cursor, out) => {
    out.write(start)
    write(cursor, out)
    out.write(reset)
  }
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
const enumeration = (fieldClass: Integer | VariableInteger, read: Numbers.ReadInt, { style }: Context): Write => {
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

const integer = (fieldClass: Integer | VariableInteger, place: Place, context: Context): Write => {
  const read = Skip.integer(fieldClass, place, context.slots)
  if (fieldClass.mappings !== undefined) return enumeration(fieldClass, read, context)
  const number = Numerals.integer(fieldClass.base, sizeOf(fieldClass))
  const write: Write =
    fieldClass.base === 10 ? (cursor, out) => out.int(read(cursor)) : (cursor, out) => number(out, read(cursor))
  return colored(context.style.colors.value, write, context)
}

const bitMap = (fieldClass: BitMap, { style }: Context): Write => {
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

const string = (fieldClass: Regions.RegionClass & { readonly encoding: Encoding }, context: Context): Write => {
  const read = Regions.bytesOf(fieldClass, context.slots)
  const { encoding } = fieldClass
  const { quoting } = context.style
  const write: Write =
    encoding === "utf-8"
      ? (cursor, out) => {
          read(cursor, scratch)
          quoting.write(out, cursor.bytes, scratch.from, scratch.to)
        }
      : (cursor, out) => {
          read(cursor, scratch)
          const bytes = encoded(Encodings.text(cursor.bytes, scratch.from, scratch.to, encoding))
          quoting.write(out, bytes, 0, bytes.length)
        }
  return colored(context.style.colors.value, write, context)
}

const blob = (fieldClass: Regions.RegionClass, { slots, style }: Context): Write => {
  const read = Regions.region(fieldClass, slots)
  return (cursor, out) => {
    read(cursor, scratch)
    const { from, to } = scratch
    out.ascii("{ ")
    for (let i = from; i < to; i++) {
      out.ascii(style.colors.value)
      out.ascii((cursor.bytes[i] as number).toString(16).padStart(2, "0"))
      out.ascii(style.colors.reset)
      out.byte(0x20)
    }
    out.byte(0x7d)
  }
}

export const name = (text: string, { colors, hasNames, shown }: Omit<Style, "quoting">): string =>
  hasNames ? `${colors.name}${shown(text)}${colors.reset} = ` : ""

const structure = ({ alignment, members }: Structure, place: Place, context: Context): Write => {
  const { slots, style } = context
  let shown = 0
  const steps = members.map(({ fieldClass, name: text }, index) => {
    const inner = below(place, index)
    if (Values.isHidden(fieldClass)) return { prefix: undefined, step: Skip.skip(fieldClass, inner, slots) as Write }
    const prefix = Piece.of(`${shown++ === 0 ? "{ " : ", "}${name(text, style)}`)
    return { prefix, step: field(fieldClass, inner, context) }
  })
  return inTurn(alignment, steps, Piece.of(shown === 0 ? "{ }" : " }"))
}

const array = (fieldClass: StaticArray | DynamicArray, place: Place, context: Context): Write => {
  const { slots, style } = context
  const write = field(fieldClass.element, place, context)
  const lengthOf = Length.ofArray(fieldClass, slots)
  return (cursor, out) => {
    const count = lengthOf(cursor)
    for (let i = 0; i < count; i++) {
      out.ascii(i === 0 ? "[ " : ", ")
      if (style.hasNames) {
        out.byte(0x5b)
        out.int(i)
        out.ascii("] = ")
      }
      write(cursor, out)
    }
    out.ascii(count === 0 ? "[ ]" : " ]")
  }
}

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

export const field = (fieldClass: FieldClass, place: Place, context: Context): Write => {
  const { slots, style } = context
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer":
      return integer(fieldClass, place, context)
    case "boolean": {
      const read = Skip.integer(fieldClass, place, slots)
      const write: Write = (cursor, out) => out.ascii(read(cursor) === 0 ? "false" : "true")
      return colored(style.colors.value, write, context)
    }
    case "bit-array": {
      const read = Numbers.fixed(fieldClass, false)
      const number = Numerals.integer(16, fieldClass.size)
      return colored(style.colors.value, (cursor, out) => number(out, read(cursor)), context)
    }
    case "bit-map":
      return bitMap(fieldClass, context)
    case "float": {
      const read = Numbers.float(fieldClass)
      const write: Write = (cursor, out) => {
        const value = read(cursor)
        out.ascii(Numerals.general(value, Numbers.isFloatNegative))
      }
      return colored(style.colors.value, write, context)
    }
    case "structure":
      return structure(fieldClass, place, context)
    case "static-array":
    case "dynamic-array":
      return array(fieldClass, place, context)
    case "static-blob":
    case "dynamic-blob":
      return blob(fieldClass, context)
    case "optional": {
      const content = braced(field(fieldClass.content, place, context))
      const isThere = presence(fieldClass, slots)
      return (cursor, out) => {
        if (isThere(cursor)) content(cursor, out)
        else out.ascii("<none>")
      }
    }
    case "variant": {
      const options = fieldClass.options.map((one, index) =>
        braced(field(one.fieldClass, below(place, index), context))
      )
      const chosen = Choice.chosen(fieldClass, options, slots)
      return (cursor, out) => chosen(cursor)(cursor, out)
    }
    default:
      return string(fieldClass, context)
  }
}

/** How fields look in a program. */
export const look = (context: Context): Look => {
  const { colors } = context.style
  return {
    begin: "{ ",
    next: ", ",
    end: " }",
    empty: "{ }",
    name: (text) => name(text, context.style),
    before: colors.value,
    after: colors.reset,
    hasBases: true,
    closure: (fieldClass, place) => field(fieldClass, place, context)
  }
}
