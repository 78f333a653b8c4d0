/**
 * Expressions and name patterns as filters: what a class of event records decides is decided once, for all of them;
 * the rest reads single fields.
 */
import { compare, nanos, timeOf } from "../decode/Clock.ts"
import { type Int, narrowed } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import { type Field, type Filter, field, type Scalar } from "../decode/Fields.ts"
import type { EventPlan } from "../decode/Plan.ts"
import type { Scope } from "../model/FieldClass.ts"
import { logLevelNames } from "../print/LogLevel.ts"
import * as Chains from "./Chains.ts"
import type { Comparison, Expression, Fact, Operand } from "./Expression.ts"
import * as Glob from "./Glob.ts"

type Test = boolean | ((event: DataStream) => boolean)

/** An operand for the records of one class. */
interface Source {
  /** The value, if it is the same for all of them. If `read` is undefined, too, they have no such operand. */
  readonly constant: Scalar | undefined
  readonly read: Field["read"] | undefined
  readonly labelsOf: Field["labelsOf"]
}

const constant = (value: Scalar | undefined): Source => ({ constant: value, read: undefined, labelsOf: undefined })

/** Where a name without a scope is looked for, in this order. */
const nearest: ReadonlyArray<Scope> = [
  "event-record-payload",
  "event-record-specific-context",
  "event-record-common-context",
  "packet-context"
]

const fieldSource = (plan: EventPlan, scopes: ReadonlyArray<Scope>, path: ReadonlyArray<string | number>): Source => {
  for (const scope of scopes) {
    const found = field(plan, scope, path)
    if (found !== undefined) return { constant: undefined, ...found }
  }
  return constant(undefined)
}

const environmentValue = (plan: EventPlan, name: string): Scalar | undefined => {
  const value = plan.stream.trace.traceClass.environment.get(name)
  return typeof value === "bigint" ? narrowed(value) : value
}

const logLevelSource = (level: bigint | undefined): Source => {
  if (level === undefined) return constant(undefined)
  const names = logLevelNames(level)
  return { ...constant(narrowed(level)), labelsOf: () => names }
}

const factSource = (plan: EventPlan, fact: Fact): Source => {
  const { eventClass } = plan
  switch (fact) {
    case "name":
      return constant(eventClass.name)
    case "id":
      return constant(narrowed(eventClass.id))
    case "loglevel":
      return logLevelSource(eventClass.logLevel)
    case "emf":
      return constant(eventClass.emfUri)
    case "cpu":
      return fieldSource(plan, ["packet-context"], ["cpu_id"])
    case "time":
      if (plan.stream.clock === undefined) return constant(undefined)
      return {
        constant: undefined,
        read: ({ hasTime, time }) => (hasTime ? narrowed(nanos(time)) : undefined),
        labelsOf: undefined
      }
  }
}

const source = (plan: EventPlan, operand: Operand): Source => {
  switch (operand.kind) {
    case "field":
      return fieldSource(plan, operand.scope === undefined ? nearest : [operand.scope], operand.path)
    case "fact":
      return factSource(plan, operand.fact)
    case "environment":
      return constant(environmentValue(plan, operand.name))
    case "integer":
      return constant(narrowed(operand.value))
    default:
      return constant(operand.value)
  }
}

const isNumber = (value: Scalar): value is Int => typeof value === "number" || typeof value === "bigint"

/** Numbers compare with numbers, exactly, whatever their form; texts and booleans with their own kind. */
const kindOf = (value: Scalar): "number" | "string" | "boolean" =>
  isNumber(value) ? "number" : (typeof value as "string" | "boolean")

const holds = (operator: Comparison, left: Scalar, right: Scalar): boolean => {
  if (typeof left !== typeof right && kindOf(left) !== kindOf(right)) return operator === "!="
  switch (operator) {
    case "==":
      return left >= right && left <= right
    case "!=":
      return !(left >= right && left <= right)
    case "<":
      return left < right
    case "<=":
      return left <= right
    case ">":
      return left > right
    case ">=":
      return left >= right
  }
}

const swapped: Readonly<Record<Comparison, Comparison>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<="
}

/** `holds` for what was read. Against a text an enumeration's labels count: one must hold; `!=` excludes them all. */
const holdsOf = (operator: Comparison, { labelsOf }: Source, found: Scalar, value: Scalar): boolean => {
  const labels = typeof value === "string" ? labelsOf?.(found) : undefined
  if (labels === undefined) return holds(operator, found, value)
  return operator === "!=" ? !labels.includes(value as string) : labels.some((label) => holds(operator, label, value))
}

/** A test of one operand. */
const tested = ({ constant: value, read }: Source, holdsFor: (value: Scalar) => boolean): Test => {
  if (read === undefined) return value !== undefined && holdsFor(value)
  return (event) => {
    const found = read(event)
    return found !== undefined && holdsFor(found)
  }
}

const timeTest = (operator: Comparison, value: Int): Test => {
  const whole = BigInt(value)
  const limit = timeOf(whole)
  return ({ hasTime, time }) => hasTime && holds(operator, compare(time, limit), 0)
}

const comparison = (plan: EventPlan, operator: Comparison, left: Operand, right: Operand): Test => {
  if (left.kind === "fact" && left.fact === "time" && right.kind === "integer") {
    return plan.stream.clock !== undefined && timeTest(operator, right.value)
  }
  const one = source(plan, left)
  const other = source(plan, right)
  /** Labels are those of the side that is a number. */
  const holdsFor = (found: Scalar, value: Scalar): boolean => {
    const isSwapped = typeof found === "string" && typeof value !== "string"
    return isSwapped ? holdsOf(swapped[operator], other, value, found) : holdsOf(operator, one, found, value)
  }
  const { read: readOther } = other
  if (readOther === undefined) {
    const { constant: value } = other
    if (value === undefined) return false
    const isDirect = other.labelsOf === undefined
    return tested(one, (found) => (isDirect ? holdsOf(operator, one, found, value) : holdsFor(found, value)))
  }
  const { read } = one
  if (read === undefined) return comparison(plan, swapped[operator], right, left)
  return (event) => {
    const found = read(event)
    if (found === undefined) return false
    const value = readOther(event)
    return value !== undefined && holdsFor(found, value)
  }
}

const exists = ({ constant: value, read }: Source): Test =>
  read === undefined ? value !== undefined : (event) => read(event) !== undefined

const negated = (test: Test): Test => (typeof test === "boolean" ? !test : (event) => !test(event))

const both = (one: Test, other: Test): Test => {
  if (typeof one === "boolean") return one && other
  if (typeof other === "boolean") return other && one
  return (event) => one(event) && other(event)
}

const either = (one: Test, other: Test): Test => {
  if (typeof one === "boolean") return one || other
  if (typeof other === "boolean") return other || one
  return (event) => one(event) || other(event)
}

type Pair = (one: Test, other: Test) => Test

/** Joins tests in halves, in order, so that a thousand of them do not nest a thousand calls. */
const joined = (tests: ReadonlyArray<Test>, pair: Pair): Test => {
  const half = tests.length >> 1
  const [only] = tests
  return half === 0 ? (only as Test) : pair(joined(tests.slice(0, half), pair), joined(tests.slice(half), pair))
}

/** The value in the one form that equal values have, to be looked up in a set. */
const formOf = (value: Scalar): Scalar =>
  typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value

const scalarOf = (value: Chains.Value): Scalar => formOf(value.kind === "integer" ? narrowed(value.value) : value.value)

/** Tests whether what was read, or a label of it, is one of the values; as fast for many as for few. */
const amongOf = ({ labelsOf }: Source, values: ReadonlySet<Scalar>): ((found: Scalar) => boolean) => {
  const named = [...values].some((value) => typeof value === "string") ? labelsOf : undefined
  return (found) => values.has(formOf(found)) || (named?.(found)?.some((label) => values.has(label)) ?? false)
}

/** One test for all values of a chain. */
const chained = (plan: EventPlan, kind: "and" | "or", { operand, values }: Chains.Chain): Test => {
  const one = source(plan, operand)
  const all = new Set(values.map(scalarOf))
  const isAmong = amongOf(one, all)
  if (kind === "or") return tested(one, isAmong)
  return tested(one, (found) => !isAmong(found))
}

const joint = (plan: EventPlan, expression: Chains.Joint, pair: Pair): Test => {
  const { chains, rest } = Chains.of(expression)
  const tests = [
    ...chains.map((chain) => chained(plan, expression.kind, chain)),
    ...rest.map((term) => compile(plan, term))
  ]
  return joined(tests, pair)
}

/** Not false, 0 or empty. NaN is none of these. */
const isTrue = (value: Scalar): boolean => (typeof value === "number" ? value !== 0 : Boolean(value))

const compile = (plan: EventPlan, expression: Expression): Test => {
  switch (expression.kind) {
    case "and":
      return joint(plan, expression, both)
    case "or":
      return joint(plan, expression, either)
    case "not":
      return negated(compile(plan, expression.term))
    case "comparison":
      return comparison(plan, expression.operator, expression.left, expression.right)
    case "match": {
      const { matches } = expression
      const one = source(plan, expression.operand)
      return tested(one, (value) =>
        (one.labelsOf?.(value) ?? [value]).some((text) => typeof text === "string" && matches(text))
      )
    }
    case "exists":
      return exists(source(plan, expression.operand))
    case "truth":
      return tested(source(plan, expression.operand), isTrue)
  }
}

/** Lets events pass for which the expression is true. */
export const where =
  (expression: Expression): Filter =>
  (plan) =>
    compile(plan, expression)

/** Lets events pass whose name matches one of the patterns (`Glob`). */
export const named = (patterns: ReadonlyArray<string>): Filter => {
  const matchers = patterns.map(Glob.matcher)
  return ({ eventClass: { name } }) => name !== undefined && matchers.some((matches) => matches(name))
}

/** Lets events pass that pass all of the filters. */
export const every =
  (filters: ReadonlyArray<Filter>): Filter =>
  (plan) =>
    filters.map((filter) => filter(plan)).reduce(both, true)

/** Whether the current event of `stream` is wanted. The filter is asked once per event class. */
export const isWanted = (stream: DataStream, filter: Filter | undefined): boolean => {
  if (filter === undefined) return true
  const plan = stream.current as EventPlan
  let test = plan.compiled.get(filter) as Test | undefined
  if (test === undefined) {
    test = filter(plan)
    plan.compiled.set(filter, test)
  }
  return typeof test === "boolean" ? test : test(stream)
}
