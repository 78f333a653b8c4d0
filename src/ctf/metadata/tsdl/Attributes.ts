/** The attributes of types and blocks of TSDL, read one by one: each at most once, each with values of its kind. */
import type { ByteOrder, DisplayBase } from "../../model/FieldClass.ts"
import { invalid } from "../MetadataRefused.ts"
import type { Attribute, Placed, Value } from "./Syntax.ts"

export class Attributes {
  readonly #attributes = new Map<string, Attribute>()
  readonly #place: Placed

  constructor(attributes: ReadonlyArray<Attribute>, place: Placed) {
    this.#place = place
    for (const attribute of attributes) {
      if (this.#attributes.has(attribute.name)) throw invalid(attribute.place, `\`${attribute.name}\` is set twice`)
      this.#attributes.set(attribute.name, attribute)
    }
  }

  has(name: string): boolean {
    return this.#attributes.has(name)
  }

  value(name: string): Value | undefined {
    return this.#attributes.get(name)?.value
  }

  integer(name: string): bigint | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (value.kind !== "integer") throw invalid(value.place, `expected an integer for \`${name}\``)
    return value.value
  }

  unsigned(name: string): bigint | undefined {
    const value = this.integer(name)
    if (value !== undefined && value < 0n) throw this.wrong(name, "an integer that is not negative")
    return value
  }

  required(name: string, value: bigint | undefined): bigint {
    if (value === undefined) throw invalid(this.#place, `\`${name}\` is missing`)
    return value
  }

  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (value.kind !== "string") throw invalid(value.place, `expected a text for \`${name}\``)
    return value.text
  }

  /** A text or a name. */
  word(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (value.kind === "integer") throw invalid(value.place, `expected a name for \`${name}\``)
    return value.kind === "string" ? value.text : value.names.join(".")
  }

  boolean(name: string): boolean | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (value.kind === "integer") return value.value !== 0n
    const word = this.word(name) ?? ""
    const isTrue = ["true", "TRUE"].includes(word)
    if (!isTrue && !["false", "FALSE"].includes(word)) throw this.wrong(name, "`true` or `false`")
    return isTrue
  }

  /** The byte order; undefined if it is `native` or not set. */
  byteOrder(name: string): ByteOrder | undefined {
    switch (this.word(name)) {
      case undefined:
      case "native":
        return undefined
      case "le":
        return "little-endian"
      case "be":
      case "network":
        return "big-endian"
      default:
        throw this.wrong(name, "`le`, `be`, `network` or `native`")
    }
  }

  base(name: string): DisplayBase {
    const value = this.value(name)
    if (value === undefined) return 10
    const word = value.kind === "integer" ? String(value.value) : this.word(name)
    const found = bases.find(([, words]) => words.includes(word ?? ""))
    if (found === undefined) throw this.wrong(name, "2, 8, 10 or 16")
    return found[0]
  }

  /** Whether it names an encoding of characters; false for `none`. */
  isEncoded(name: string): boolean {
    const word = this.word(name)
    if (word === undefined || word === "none") return false
    if (!encodings.includes(word)) throw this.wrong(name, "`UTF8`, `ASCII` or `none`")
    return true
  }

  alignment(name: string): number | undefined {
    const value = this.integer(name)
    if (value === undefined) return undefined
    if (value <= 0n || (value & (value - 1n)) !== 0n || value > alignmentMax) {
      throw this.wrong(name, "a power of two")
    }
    return Number(value)
  }

  uuid(name: string): string | undefined {
    const text = this.text(name)
    if (text !== undefined && !uuidPattern.test(text)) throw this.wrong(name, "a UUID")
    return text?.toLowerCase()
  }

  wrong(name: string, wanted: string) {
    return invalid(this.value(name)?.place ?? this.#place, `expected ${wanted} for \`${name}\``)
  }
}

/** A position in bits must stay an exact number. babeltrace2 2.0 has this limit, too. */
export const alignmentMax = 1n << 31n

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const encodings = ["UTF8", "utf8", "utf-8", "UTF-8", "ASCII", "ascii"]
const bases: ReadonlyArray<readonly [DisplayBase, ReadonlyArray<string>]> = [
  [2, ["2", "binary", "b"]],
  [8, ["8", "octal", "oct", "o"]],
  [10, ["10", "decimal", "dec", "d", "i", "u"]],
  [16, ["16", "hexadecimal", "hex", "x", "X", "p"]]
]
