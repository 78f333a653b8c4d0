/** A JSON value and its place, read as what it should be. What it is not throws `MetadataRefused` with the place. */
import { invalid, type MetadataRefused, type Place } from "../MetadataRefused.ts"
import type { Json } from "./Json.ts"

/** Characters of a text that a refusal shows. */
const shownMax = 60

const show = (value: Json): string => {
  if (value instanceof Map) return "an object"
  if (Array.isArray(value)) return "an array"
  // It was not written as an integer, though its value may be whole.
  if (typeof value === "number") return String(value).replace(/^-?\d+$/, "$&.0")
  if (typeof value !== "string") return String(value)
  return JSON.stringify(value.length > shownMax ? `${value.slice(0, shownMax)}…` : value)
}

export class Node {
  readonly value: Json
  readonly #fragment: number
  readonly #pointer: string

  constructor(value: Json, fragment: number, pointer = "") {
    this.value = value
    this.#fragment = fragment
    this.#pointer = pointer
  }

  get place(): Place {
    return { fragment: this.#fragment, pointer: this.#pointer }
  }

  wrong(reason: string): MetadataRefused {
    return invalid(this.place, reason)
  }

  #inner(key: string | number, value: Json): Node {
    const step = String(key).replaceAll("~", "~0").replaceAll("/", "~1")
    return new Node(value, this.#fragment, `${this.#pointer}/${step}`)
  }

  /** A refusal that says what was expected and what is there. */
  #expected(wanted: string): MetadataRefused {
    return this.wrong(`expected ${wanted}, found ${show(this.value)}`)
  }

  string(): string {
    if (typeof this.value !== "string") throw this.#expected("a string")
    return this.value
  }

  oneOf<A extends string>(values: ReadonlyArray<A>): A {
    const found = values.find((value) => value === this.value)
    if (found === undefined) throw this.#expected(values.map((value) => `"${value}"`).join(", "))
    return found
  }

  integer(lower: bigint, upper: bigint): bigint {
    if (typeof this.value !== "bigint") throw this.#expected("an integer")
    if (this.value < lower || this.value > upper) throw this.#expected(`an integer from ${lower} to ${upper}`)
    return this.value
  }

  among<A extends number>(values: ReadonlyArray<A>): A {
    const found = values.find((value) => BigInt(value) === this.value)
    if (found === undefined) throw this.#expected(values.join(", "))
    return found
  }

  unsigned(): bigint {
    return this.integer(0n, uint64Max)
  }

  /** A count that fits a number exactly. */
  length(): number {
    return Number(this.integer(0n, BigInt(Number.MAX_SAFE_INTEGER)))
  }

  alignment(): number {
    const value = this.integer(1n, 1n << 31n)
    if ((value & (value - 1n)) !== 0n) throw this.#expected("a power of two")
    return Number(value)
  }

  array(): ReadonlyArray<Node> {
    if (!Array.isArray(this.value)) throw this.#expected("an array")
    return this.value.map((value: Json, at: number) => this.#inner(at, value))
  }

  entries(): ReadonlyArray<readonly [string, Node]> {
    if (!(this.value instanceof Map)) throw this.#expected("an object")
    return [...this.value].map(([name, value]) => [name, this.#inner(name, value)])
  }

  /** The properties of an object: no others than the known ones and `attributes`. Extensions are refused. */
  object(...known: ReadonlyArray<string>): Properties {
    const properties = new Map(this.entries())
    for (const [name, node] of properties) {
      if (name === "attributes") node.entries()
      else if (name === "extensions") refuseExtensions(node)
      else if (!known.includes(name)) throw node.wrong(`no property \`${name}\` is known here`)
    }
    return new Properties(this, properties)
  }
}

const refuseExtensions = (node: Node): void => {
  for (const [namespace, names] of node.entries()) {
    for (const [name, extension] of names.entries()) {
      throw extension.wrong(`the extension \`${name}\` of \`${namespace}\` is not known`)
    }
  }
}

export class Properties {
  readonly node: Node
  readonly #properties: ReadonlyMap<string, Node>

  constructor(node: Node, properties: ReadonlyMap<string, Node>) {
    this.node = node
    this.#properties = properties
  }

  get(name: string): Node | undefined {
    return this.#properties.get(name)
  }

  need(name: string): Node {
    const found = this.#properties.get(name)
    if (found === undefined) throw this.node.wrong(`\`${name}\` is missing`)
    return found
  }

  string(name: string): string | undefined {
    return this.get(name)?.string()
  }

  /** A string that is only shown: see `shown`. */
  name(name: string): string | undefined {
    const found = this.string(name)
    return found === undefined ? undefined : shown(found)
  }
}

export const uint64Max = 2n ** 64n - 1n
export const int64Min = -(2n ** 63n)
export const int64Max = 2n ** 63n - 1n

/** The part of a name that readers show: up to its first zero. References to it have all of it. */
export const shown = (name: string): string => {
  const at = name.indexOf("\0")
  return at === -1 ? name : name.slice(0, at)
}
