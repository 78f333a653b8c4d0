/**
 * Field classes compiled to closures that read a field and write it: what text and JSON have in common. `Look` is what
 * differs between the two.
 */
import * as Choice from "../decode/Choice.ts"
import { align, type Cursor } from "../decode/Cursor.ts"
import * as Length from "../decode/Length.ts"
import * as Regions from "../decode/Regions.ts"
import * as Skip from "../decode/Skip.ts"
import { below, type Place, type Slots } from "../decode/Slots.ts"
import * as Values from "../decode/Values.ts"
import type { Bool, DynamicArray, FieldClass, Optional, StaticArray, Structure, Variant } from "../model/FieldClass.ts"
import type { Bytes } from "./Bytes.ts"
import * as Piece from "./Piece.ts"
import type { Quoting } from "./Quoting.ts"

export type Write = (cursor: Cursor, out: Bytes) => void

/** Numbers and blobs. */
export type Leaf = Exclude<
  FieldClass,
  Structure | StaticArray | DynamicArray | Optional | Variant | Bool | Regions.TextClass
>

/** Written around what a field consists of: before the first, before the others, after the last; without any. */
interface Brackets {
  readonly begin: string
  readonly next: string
  readonly end: string
  readonly empty: string
}

/** How fields look. */
export interface Look {
  readonly structure: Brackets
  /** Written before a member: its name. */
  readonly name: (text: string) => string
  readonly array: Brackets
  /** Appends what is written before an element; undefined: nothing. */
  readonly index: ((out: Bytes, index: number) => void) | undefined
  /** Written around a number or a text. */
  readonly before: string
  readonly after: string
  /** Integers are shown in the base of their class. */
  readonly hasBases: boolean
  /** How text is written that is UTF-8, perhaps ill-formed; and other text. */
  readonly quoting: Quoting
  readonly text: (out: Bytes, value: string) => void
  /** Puts what is written around the content of an optional or a variant. */
  readonly around: (content: Write) => Write
  /** Written for an optional without content; `presence` answers whether it has some. */
  readonly none: string
  readonly presence: typeof Choice.presence
  readonly leaf: (fieldClass: Leaf, place: Place, slots: Slots) => Write
}

/** With what is written around a number or a text. */
export const surrounded = ({ after, before }: Pick<Look, "after" | "before">, write: Write): Write => {
  if (after === "") return write
  const [start, end] = [Piece.of(before), Piece.of(after)]
  return (cursor, out) => {
    out.write(start)
    write(cursor, out)
    out.write(end)
  }
}

const scratch: Regions.Region = { from: 0, to: 0 }

const string = (fieldClass: Regions.TextClass, slots: Slots, { quoting, text }: Look): Write => {
  if (fieldClass.encoding !== "utf-8") {
    const read = Regions.text(fieldClass, slots)
    return (cursor, out) => text(out, read(cursor))
  }
  const read = Regions.bytesOf(fieldClass, slots)
  return (cursor, out) => {
    read(cursor, scratch)
    quoting.write(out, cursor.bytes, scratch.from, scratch.to)
  }
}

/** Writes the members in turn, but not those for which `without` is true of their place among them. */
export const structure = (
  { alignment, members }: Structure,
  place: Place,
  slots: Slots,
  look: Look,
  without: (index: number) => boolean = () => false
): Write => {
  const { begin, empty, end, next } = look.structure
  let shown = 0
  const steps = members.map(({ fieldClass, name }, index): { prefix?: Piece.Piece; write: Write } => {
    const inner = below(place, index)
    if (Values.isHidden(fieldClass) || without(index)) return { write: Skip.skip(fieldClass, inner, slots) }
    const prefix = Piece.of((shown++ === 0 ? begin : next) + look.name(name))
    return { prefix, write: field(fieldClass, inner, slots, look) }
  })
  const prefixes = steps.map(({ prefix }) => prefix)
  const writes = steps.map(({ write }) => write)
  const last = Piece.of(shown === 0 ? empty : end)
  return (cursor, out) => {
    align(cursor, alignment)
    for (let i = 0; i < writes.length; i++) {
      const prefix = prefixes[i]
      if (prefix !== undefined) out.write(prefix)
      ;(writes[i] as Write)(cursor, out)
    }
    out.write(last)
  }
}

const array = (fieldClass: StaticArray | DynamicArray, place: Place, slots: Slots, look: Look): Write => {
  const write = field(fieldClass.element, place, slots, look)
  const lengthOf = Length.ofArray(fieldClass, slots)
  const { begin, empty, end, next } = look.array
  const [first, others, last] = [Piece.of(begin), Piece.of(next), Piece.of(end)]
  const { index } = look
  return (cursor, out) => {
    const count = lengthOf(cursor)
    for (let i = 0; i < count; i++) {
      out.write(i === 0 ? first : others)
      index?.(out, i)
      write(cursor, out)
    }
    if (count === 0) out.ascii(empty)
    else out.write(last)
  }
}

export const field = (fieldClass: FieldClass, place: Place, slots: Slots, look: Look): Write => {
  switch (fieldClass.kind) {
    case "boolean": {
      const read = Skip.integer(fieldClass, place, slots)
      return surrounded(look, (cursor, out) => out.ascii(read(cursor) === 0 ? "false" : "true"))
    }
    case "string":
    case "static-string":
    case "dynamic-string":
      return surrounded(look, string(fieldClass, slots, look))
    case "structure":
      return structure(fieldClass, place, slots, look)
    case "static-array":
    case "dynamic-array":
      return array(fieldClass, place, slots, look)
    case "optional": {
      const content = look.around(field(fieldClass.content, place, slots, look))
      const isThere = look.presence(fieldClass, slots)
      return (cursor, out) => {
        if (isThere(cursor)) content(cursor, out)
        else out.ascii(look.none)
      }
    }
    case "variant": {
      const options = fieldClass.options.map((one, index) =>
        look.around(field(one.fieldClass, below(place, index), slots, look))
      )
      const chosen = Choice.chosen(fieldClass, options, slots)
      return (cursor, out) => chosen(cursor)(cursor, out)
    }
    default:
      return look.leaf(fieldClass, place, slots)
  }
}
