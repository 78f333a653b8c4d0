/** How fields look as JSON (§12). */
import * as Choice from "../decode/Choice.ts"
import type { Int } from "../decode/Cursor.ts"
import * as Labels from "../decode/Labels.ts"
import * as Numbers from "../decode/Numbers.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import type { Place, Slots } from "../decode/Slots.ts"
import type { BitMap } from "../model/FieldClass.ts"
import { Bytes } from "./Bytes.ts"
import type { Leaf, Look, Write } from "./Fields.ts"
import * as JsonStrings from "./JsonStrings.ts"
import type * as Piece from "./Piece.ts"

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

const leaf = (fieldClass: Leaf, place: Place, slots: Slots): Write => {
  switch (fieldClass.kind) {
    case "integer":
    case "variable-integer": {
      const read = Skip.integer(fieldClass, place, slots)
      if (fieldClass.mappings !== undefined) return enumeration(read, Labels.labels(fieldClass.mappings))
      return (cursor, out) => int(out, read(cursor))
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
    default:
      return blob(fieldClass, slots)
  }
}

/** How fields look as JSON. */
export const look: Look = {
  structure: { begin: "{", next: ",", end: "}", empty: "{}" },
  name: (name) => `${JsonStrings.quoted(name)}:`,
  array: { begin: "[", next: ",", end: "]", empty: "[]" },
  index: undefined,
  before: "",
  after: "",
  hasBases: false,
  quoting: JsonStrings.quoting,
  text: JsonStrings.text,
  around: (content) => content,
  none: "null",
  presence: Choice.presence,
  leaf
}
