/** Tests of fields made up at random, as `--where` has them, with what they must come to for a record's values. */
import type { Enumerated, Value } from "../../../src/ctf/decode/Values.ts"
import type { Random } from "../encoding.ts"

export type Leaf = Enumerated | number | bigint | string

export interface Found {
  readonly path: ReadonlyArray<string | number>
  /** Undefined: an element beyond the end. */
  readonly value: Leaf | undefined
}

const isEnumerated = (value: Value | Leaf): value is Enumerated =>
  value !== null && typeof value === "object" && "labels" in value

/** Everything in a value that has a value of its own. */
export const leaves = (value: Value, path: Found["path"] = []): ReadonlyArray<Found> => {
  if (value === null || typeof value === "boolean" || value instanceof Uint8Array) return []
  if (Array.isArray(value)) {
    const elements = value as ReadonlyArray<Value>
    return [
      ...elements.flatMap((one, index) => leaves(one, [...path, index])),
      { path: [...path, elements.length], value: undefined }
    ]
  }
  if (typeof value !== "object" || isEnumerated(value)) return [{ path, value: value as Leaf }]
  return Object.entries(value).flatMap(([name, member]) => leaves(member as Value, [...path, name]))
}

export interface Query {
  readonly text: string
  readonly isTrue: boolean
}

const operators = ["==", "!=", "<", "<=", ">", ">="] as const
type Operator = (typeof operators)[number]

const compare = (operator: Operator, left: unknown, right: unknown): boolean => {
  if ((typeof left === "string") !== (typeof right === "string")) return operator === "!="
  const [one, other] = [left as number, right as number]
  switch (operator) {
    case "==":
      return one >= other && one <= other
    case "!=":
      return one < other || one > other
    case "<":
      return one < other
    case "<=":
      return one <= other
    case ">":
      return one > other
    case ">=":
      return one >= other
  }
}

const swapped = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const

const holds = (operator: Operator, left: Leaf | undefined, right: Leaf | undefined): boolean => {
  if (left === undefined || right === undefined) return false
  if (isEnumerated(left) && typeof right === "string") {
    const { labels } = left
    return operator === "!=" ? !labels.includes(right) : labels.some((label) => compare(operator, label, right))
  }
  if (isEnumerated(right) && typeof left === "string") return holds(swapped[operator], right, left)
  return compare(operator, isEnumerated(left) ? left.value : left, isEnumerated(right) ? right.value : right)
}

const oneOf = <A>(next: Random, all: ReadonlyArray<A>): A => all[Math.floor(next() * all.length)] as A

const named = (path: Found["path"]): string =>
  path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("")

const constant = (next: Random, value: Leaf | undefined): Leaf => {
  if (value === undefined) return 0
  if (isEnumerated(value)) return constant(next, next() < 0.6 ? (value.labels[0] ?? "none") : value.value)
  if (typeof value === "string") return value.slice(0, next() < 0.5 ? value.length : 1)
  if (typeof value === "bigint") return value + oneOf(next, [-1n, 0n, 0n, 1n])
  return Number.isInteger(value) ? value + oneOf(next, [-1, 0, 0, 1]) : value
}

/** Digits alone are an integer, to the last one. */
const written = (value: Leaf): string => {
  if (typeof value === "string") return JSON.stringify(value)
  return typeof value === "number" && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
}

const test = (next: Random, all: ReadonlyArray<Found>): Query => {
  const { path, value } = oneOf(next, all)
  const name = `$payload${named(path)}`
  if (next() < 0.1) return { text: `exists ${name}`, isTrue: value !== undefined }
  const operator = oneOf(next, operators)
  const other = next() < 0.4 ? oneOf(next, all) : undefined
  if (other !== undefined) {
    return { text: `${name} ${operator} ${named(other.path).slice(1)}`, isTrue: holds(operator, value, other.value) }
  }
  const right = constant(next, value)
  return next() < 0.2
    ? { text: `${written(right)} ${operator} ${name}`, isTrue: holds(operator, right, value) }
    : { text: `${name} ${operator} ${written(right)}`, isTrue: holds(operator, value, right) }
}

/** Of these fields. */
export const query = (next: Random, all: ReadonlyArray<Found>): Query => {
  const choice = next()
  if (choice < 0.7) return test(next, all)
  const [one, other] = [query(next, all), query(next, all)]
  if (choice < 0.8) return { text: `not (${one.text})`, isTrue: !one.isTrue }
  return choice < 0.9
    ? { text: `(${one.text}) and (${other.text})`, isTrue: one.isTrue && other.isTrue }
    : { text: `(${one.text}) or (${other.text})`, isTrue: one.isTrue || other.isTrue }
}
