/** Field classes compiled to closures that read a field and write it as JSON (§12). */
import * as Choice from "../decode/Choice.ts"
import { align, checkedLength, type Int } from "../decode/Cursor.ts"
import * as Encodings from "../decode/Encodings.ts"
import { Fault } from "../decode/Fault.ts"
import * as Labels from "../decode/Labels.ts"
import { leastBits } from "../decode/Layout.ts"
import * as Numbers from "../decode/Numbers.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import { below, type Place, type Slots } from "../decode/Slots.ts"
import * as Values from "../decode/Values.ts"
import type { BitMap, Encoding, FieldClass, Structure } from "../model/FieldClass.ts"
import type { Look } from "./Assembly.ts"
import { Bytes } from "./Bytes.ts"
import * as JsonStrings from "./JsonStrings.ts"
import { inTurn, type Write } from "./Members.ts"
import * as Piece from "./Piece.ts"

const exactMin = -(2 ** 53)
/** How many values have their bytes cached: a hostile trace must not fill the memory. */
const cachedMax = 4096

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
  const known = new Map<Int, Piece.Piece>()
  const own = new Bytes(256)
  return (cursor, out) => {
    const value = read(cursor)
    let bytes = known.get(value)
    if (bytes === undefined) {
      own.clear()
      own.ascii('{"value":')
      int(own, value)
      own.text(`${describe(value)}}`)
      bytes = own.piece()
      if (known.size < cachedMax) known.set(value, bytes)
    }
    out.write(bytes)
  }
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

const array = (
  fieldClass: Extract<FieldClass, { readonly element: FieldClass }>,
  place: Place,
  slots: Slots
): Write => {
  const { alignment, length } = fieldClass
  const write = field(fieldClass.element, place, slots)
  const slot = typeof length === "number" ? undefined : slots.of(length)
  const least = leastBits(fieldClass.element)
  return (cursor, out) => {
    align(cursor, alignment)
    const count = checkedLength(cursor, slot === undefined ? (length as number) : cursor.refs[slot], least)
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
      const slot = slots.of(fieldClass.selector)
      return (cursor, out) => {
        if (Choice.isIn(fieldClass.ranges, cursor.refs[slot])) content(cursor, out)
        else out.ascii("null")
      }
    }
    case "variant": {
      const slot = slots.of(fieldClass.selector)
      const choose = Choice.option(fieldClass)
      const options = fieldClass.options.map((one, index) => field(one.fieldClass, below(place, index), slots))
      return (cursor, out) => {
        const chosen = options[choose(cursor.refs[slot])]
        if (chosen === undefined) throw new Fault("variant-no-option", "no option of the variant is chosen")
        chosen(cursor, out)
      }
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
