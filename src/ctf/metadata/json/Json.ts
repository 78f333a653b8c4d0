/**
 * JSON (RFC 8259) with what metadata needs and `JSON.parse` loses: integers of any size, and the order of members.
 */

/** Integers are bigints, other numbers are numbers. No two members of an object have one name. */
export type Json = null | boolean | bigint | number | string | ReadonlyArray<Json> | JsonObject
export type JsonObject = ReadonlyMap<string, Json>

export class JsonInvalid extends Error {
  readonly _tag = "JsonInvalid"
  readonly at: number

  constructor(at: number, reason: string) {
    super(reason)
    this.name = "JsonInvalid"
    this.at = at
  }
}

const depthMax = 2048

const space = /[ \t\r\n]*/y
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
// A group that is repeated some million times runs out of stack, so strings are matched part by part.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON refuses them
const characters = /[^"\\\x00-\x1f]*/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y
const literal = /true|false|null/y

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): Json {
    const value = this.#value()
    if (this.#at < this.#text.length) throw this.#expected("the end")
    return value
  }

  /** Index of the value that the steps lead to, in a text that is valid JSON and has it. */
  locate(steps: ReadonlyArray<string>): number {
    this.#match(space)
    for (const step of steps) {
      const isObject = this.#take("{") || !this.#take("[")
      for (let index = 0; ; index++) {
        const name = isObject ? this.#string() : String(index)
        if (isObject) this.#take(":")
        if (name === step) break
        this.#value()
        if (!this.#take(",")) return this.#at
      }
    }
    return this.#at
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found !== null) this.#at += found[0].length
    return found
  }

  #expected(wanted: string): JsonInvalid {
    const found = this.#text.codePointAt(this.#at)
    const shown = found === undefined ? "the end" : JSON.stringify(String.fromCodePoint(found))
    return new JsonInvalid(this.#at, `expected ${wanted}, found ${shown}`)
  }

  /** Takes a sign and the space around it; false if it is not next. */
  #take(sign: string): boolean {
    this.#match(space)
    if (this.#text[this.#at] !== sign) return false
    this.#at++
    this.#match(space)
    return true
  }

  #value(): Json {
    this.#match(space)
    const value = this.#bare()
    this.#match(space)
    return value
  }

  #bare(): Json {
    const first = this.#text[this.#at]
    if (first === "{" || first === "[") {
      if (++this.#depth > depthMax) throw new JsonInvalid(this.#at, `nested more than ${depthMax} deep`)
      const value = first === "{" ? this.#object() : this.#array()
      this.#depth--
      return value
    }
    if (first === '"') return this.#string()
    const digits = this.#match(number)
    if (digits !== null) {
      const isInteger = digits[1] === undefined && digits[2] === undefined
      // A million digits would take seconds.
      return isInteger && digits[0].length <= 1000 ? BigInt(digits[0]) : Number(digits[0])
    }
    const found = this.#match(literal)?.[0]
    if (found === undefined) throw this.#expected("a value")
    return found === "null" ? null : found === "true"
  }

  #string(): string {
    const at = this.#at
    if (this.#text[at] !== '"') throw this.#expected("a string")
    this.#at++
    this.#match(characters)
    const isPlain = this.#text[this.#at] === '"'
    while (this.#match(escaped) !== null) this.#match(characters)
    if (this.#text[this.#at] !== '"') throw this.#expected("a character of a string or its end")
    const found = this.#text.slice(at, this.#at)
    this.#at++
    if (isPlain) return found.slice(1)
    // `JSON.parse` loses nothing of a string.
    const text: string = JSON.parse(`${found}"`)
    if (!text.isWellFormed()) throw new JsonInvalid(at, "half of a surrogate pair alone is no character")
    return text
  }

  #array(): ReadonlyArray<Json> {
    const elements: Array<Json> = []
    this.#take("[")
    if (this.#take("]")) return elements
    do elements.push(this.#value())
    while (this.#take(","))
    if (!this.#take("]")) throw this.#expected("`,` or `]`")
    return elements
  }

  #object(): JsonObject {
    const members = new Map<string, Json>()
    this.#take("{")
    if (this.#take("}")) return members
    do {
      const at = this.#at
      const name = this.#string()
      if (members.has(name)) throw new JsonInvalid(at, `the member \`${name}\` stands twice`)
      if (!this.#take(":")) throw this.#expected("`:`")
      members.set(name, this.#value())
    } while (this.#take(","))
    if (!this.#take("}")) throw this.#expected("`,` or `}`")
    return members
  }
}

/** The value of a JSON text. Throws `JsonInvalid`. */
export const parse = (text: string): Json => new Parser(text).whole()

/** Index of the value that a JSON pointer leads to, in a text that `parse` has accepted. */
export const locate = (text: string, pointer: string): number => {
  const steps = pointer.split("/").slice(1)
  return new Parser(text).locate(steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")))
}
