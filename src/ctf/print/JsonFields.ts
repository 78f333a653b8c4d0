/** Field classes compiled to closures that read a field and write it as JSON (§12). */
import * as Choice from "../decode/Choice.ts"
import type { Int } from "../decode/Cursor.ts"
import * as Encodings from "../decode/Encodings.ts"
import * as Labels from "../decode/Labels.ts"
import * as Length from "../decode/Length.ts"
import * as Numbers from "../decode/Numbers.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import { below, type Place, type Slots } from "../decode/Slots.ts"
import * as Values from "../decode/Values.ts"
import type { BitMap, DynamicArray, Encoding, FieldClass, StaticArray, Structure } from "../model/FieldClass.ts"
import type { Look } from "./Assembly.ts"
import { Bytes } from "./Bytes.ts"
import * as JsonStrings from "./JsonStrings.ts"
import { inTurn, type Write } from "./Members.ts"
import * as Piece from "./Piece.ts"

const exactMin = -(2 ** 53)

/** Appends an integer: a number, or a decimal string if a double would not be exact. */
export const int = (out: Bytes, value: Int): void => {
  if (typeof value === "number" && value !== exactMin) {
    out.int(value)
    return
  }
  out.byte(0x22)
  out.int(value)
  out.byte(0x22)
}

const list = (names: ReadonlyArray<string>): string => `[${names.map((name) => JsonStrings.quoted(name)).join(",")}]`

/** Writes `{"value":…}`, with what `describe` adds to it; the bytes for a value are cached. */
const cached = (read: Numbers.ReadInt, describe: (value: Int) => string): Write => {
  const own = new Bytes(256)
  const pieceOf = Labels.cached((value): Piece.Piece => {
    own.clear()
    own.ascii('{"value":')
    int(own, value)
    own.text(`${describe(value)}}`)
    return own.piece()
  })
  return (cursor, out) => out.write(pieceOf(read(cursor)))
}

const enumeration = (read: Numbers.ReadInt, labels: Labels.LabelsOf): Write =>
  cached(read, (value) => {
    const found = labels(value)
    const [first] = found
    if (first === undefined) return ""
    return `,"label":${JsonStrings.quoted(first)}${found.length > 1 ? `,"labels":${list(found)}` : ""}`
  })

const bitMap = (fieldClass: BitMap): Write => {
  const named = Labels.flags(fieldClass.flags)
  return cached(Numbers.fixed(fieldClass, false), (value) => `,"flags":${list(named(value))}`)
}

/** JSON has neither infinities nor NaN: they are strings. */
const float = (value: number): string => {
  if (Number.isNaN(value)) return '"NaN"'
  if (!Number.isFinite(value)) return value < 0 ? '"-Infinity"' : '"Infinity"'
  return Object.is(value, -0) ? "-0" : String(value)
}

const scratch: Regions.Region = { from: 0, to: 0 }

const string = (fieldClass: Regions.RegionClass & { readonly encoding: Encoding }, slots: Slots): Write => {
  const read = Regions.bytesOf(fieldClass, slots)
  const { encoding } = fieldClass
  if (encoding === "utf-8") {
    return (cursor, out) => {
      read(cursor, scratch)
      JsonStrings.region(out, cursor.bytes, scratch.from, scratch.to)
    }
  }
  return (cursor, out) => {
    read(cursor, scratch)
    JsonStrings.text(out, Encodings.text(cursor.bytes, scratch.from, scratch.to, encoding))
  }
}

const blob = (fieldClass: Regions.RegionClass & { readonly mediaType: string }, slots: Slots): Write => {
  const read = Regions.region(fieldClass, slots)
  const { mediaType } = fieldClass
  const end = mediaType === "application/octet-stream" ? '"}' : `","media":${JsonStrings.quoted(mediaType)}}`
  return (cursor, out) => {
    read(cursor, scratch)
    out.ascii('{"hex":"')
    for (let i = scratch.from; i < scratch.to; i++) {
      out.ascii((cursor.bytes[i] as number).toString(16).padStart(2, "0"))
    }
    out.text(end)
  }
}

/** Writes an object with the members by name, but not those for which `without` is true of their place among them. */
export const structure = (
  { alignment, members }: Structure,
  place: Place,
  slots: Slots,
  without: (index: number) => boolean = () => false
): Write => {
  let shown = 0
  const steps = members.map(({ fieldClass, name }, index) => {
    const inner = below(place, index)
    if (Values.isHidden(fieldClass) || without(index)) {
      return { prefix: undefined, step: Skip.skip(fieldClass, inner, slots) as Write }
    }
    const prefix = Piece.of(`${shown++ === 0 ? "{" : ","}${JsonStrings.quoted(name)}:`)
    return { prefix, step: field(fieldClass, inner, slots) }
  })
  return inTurn(alignment, steps, Piece.of(shown === 0 ? "{}" : "}"))
}

const array = (fieldClass: StaticArray | DynamicArray, place: Place, slots: Slots): Write => {
  const write = field(fieldClass.element, place, slots)
  const lengthOf = Length.ofArray(fieldClass, slots)
  return (cursor, out) => {
    const count = lengthOf(cursor)
    out.byte(0x5b)
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(0x2c)
      write(cursor, out)
    }
    out.byte(0x5d)
  }
}

const field = (fieldClass: FieldClass, place: Place, slots: Slots): Write => {
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer": {
      const read = Skip.integer(fieldClass, place, slots)
      if (fieldClass.mappings !== undefined) return enumeration(read, Labels.labels(fieldClass.mappings))
      return (cursor, out) => int(out, read(cursor))
    }
    case "boolean": {
      const read = Skip.integer(fieldClass, place, slots)
      return (cursor, out) => out.ascii(read(cursor) === 0 ? "false" : "true")
    }
    case "bit-array": {
      const read = Numbers.fixed(fieldClass, false)
      return (cursor, out) => int(out, read(cursor))
    }
    case "bit-map":
      return bitMap(fieldClass)
    case "float": {
      const read = Numbers.float(fieldClass)
      return (cursor, out) => out.ascii(float(read(cursor)))
    }
    case "structure":
      return structure(fieldClass, place, slots)
    case "static-array":
    case "dynamic-array":
      return array(fieldClass, place, slots)
    case "static-blob":
    case "dynamic-blob":
      return blob(fieldClass, slots)
    case "optional": {
      const content = field(fieldClass.content, place, slots)
      const isThere = Choice.presence(fieldClass, slots)
      return (cursor, out) => {
        if (isThere(cursor)) content(cursor, out)
        else out.ascii("null")
      }
    }
    case "variant": {
      const options = fieldClass.options.map((one, index) => field(one.fieldClass, below(place, index), slots))
      const chosen = Choice.chosen(fieldClass, options, slots)
      return (cursor, out) => chosen(cursor)(cursor, out)
    }
    default:
      return string(fieldClass, slots)
  }
}

/** How fields look in a program. */
export const look = (slots: Slots): Look => ({
  begin: "{",
  next: ",",
  end: "}",
  empty: "{}",
  name: (name) => `${JsonStrings.quoted(name)}:`,
  before: "",
  after: "",
  hasBases: false,
  closure: (fieldClass, place) => field(fieldClass, place, slots)
})
