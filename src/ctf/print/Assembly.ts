/** Makes programs of field classes, with closures where programs have no step. */
import { grainBytes, type Int } from "../decode/Cursor.ts"
import { isBytes } from "../decode/Numbers.ts"
import * as Skip from "../decode/Skip.ts"
import { below, type Place, type Slots } from "../decode/Slots.ts"
import { isHidden } from "../decode/Values.ts"
import type { FieldClass, Integer, StaticString, Structure } from "../model/FieldClass.ts"
import type { Bytes } from "./Bytes.ts"
import { field, type Look, type Write } from "./Fields.ts"
import * as Piece from "./Piece.ts"
import * as Program from "./Program.ts"
import type { Quoting } from "./Quoting.ts"

/** How values look. */
export interface Values {
  readonly quoting: Quoting
  readonly int: (out: Bytes, value: Int) => void
}

const alignmentMax = grainBytes * 8
const bitsMax = 2 ** 30

const isInteger = (fieldClass: Integer, { hasBases }: Look): boolean =>
  isBytes(fieldClass) &&
  fieldClass.alignment <= alignmentMax &&
  (!hasBases || fieldClass.base === 10 || fieldClass.base === 16) &&
  fieldClass.mappings === undefined &&
  fieldClass.roles.length === 0

const isCharacters = ({ encoding, length }: StaticString): boolean => encoding === "utf-8" && length * 8 < bitsMax

/** Puts a program together. */
export class Assembly {
  readonly #values: Values
  readonly #code: Array<number> = []
  readonly #words: Array<number> = []
  readonly #closures: Array<Write> = []
  #text = ""
  #alignment = 1
  #bytesMax = 0

  constructor(values: Values) {
    this.#values = values
  }

  /** Adds text that is written before what follows. */
  text(text: string): void {
    this.#text += text
  }

  /** Aligns what follows, at least so far. False: programs cannot align so far. */
  #align(alignment: number): boolean {
    if (alignment > alignmentMax) return false
    this.#alignment = Math.max(this.#alignment, alignment)
    return true
  }

  #step(what: number, first = 0, second = 0): void {
    const piece = Piece.of(this.#text)
    this.#code.push(what, this.#alignment - 1, this.#words.length, piece.length, first, second)
    for (const word of piece.words) this.#words.push(word)
    this.#bytesMax += piece.length + Program.valueBytesMax
    this.#text = ""
    this.#alignment = 1
  }

  #closure(write: Write): void {
    this.#step(Program.closure, this.#closures.push(write) - 1)
  }

  #integer({ alignment, base, byteOrder, isSigned, size }: Integer, { hasBases }: Look): void {
    this.#align(alignment)
    const how = base === 16 && hasBases ? Program.hex : isSigned ? Program.signed : Program.unsigned
    const whats = [Program.integer8, Program.integer16, Program.integer32, Program.integer64]
    this.#step(whats[Math.log2(size / 8)] as number, how, byteOrder === "little-endian" ? 1 : 0)
  }

  #structure({ members }: Structure, place: Place, slots: Slots, look: Look): void {
    const { begin, empty, end, next } = look.structure
    let shown = 0
    members.forEach(({ fieldClass, name }, index) => {
      const inner = below(place, index)
      if (isHidden(fieldClass)) {
        this.#closure(Skip.skip(fieldClass, inner, slots))
        return
      }
      this.text((shown++ === 0 ? begin : next) + look.name(name))
      this.field(fieldClass, inner, slots, look)
    })
    this.text(shown === 0 ? empty : end)
  }

  /** Adds a field with all that is in it. */
  field(fieldClass: FieldClass, place: Place, slots: Slots, look: Look): void {
    if (fieldClass.kind === "structure" && this.#align(fieldClass.alignment)) {
      this.#structure(fieldClass, place, slots, look)
    } else if (fieldClass.kind === "integer" && isInteger(fieldClass, look)) {
      this.text(look.before)
      this.#integer(fieldClass, look)
      this.text(look.after)
    } else if (fieldClass.kind === "string" && fieldClass.encoding === "utf-8") {
      this.text(look.before)
      this.#align(8)
      this.#step(Program.text)
      this.text(look.after)
    } else if (fieldClass.kind === "static-string" && isCharacters(fieldClass)) {
      this.text(look.before)
      this.#align(8)
      this.#step(Program.characters, fieldClass.length)
      this.text(look.after)
    } else {
      this.#closure(field(fieldClass, place, slots, look))
    }
  }

  done(): Program.Program {
    this.#step(Program.stop)
    return {
      code: this.#code.slice(),
      words: this.#words.slice(),
      closures: this.#closures,
      ...this.#values,
      bytesMax: this.#bytesMax
    }
  }
}
