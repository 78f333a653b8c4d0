/** Finds what a filter asks for that no class of event records has: mostly mistyped names and fields. */
import type { FieldClass, Scope, Structure } from "../model/FieldClass.ts"
import type { DataStreamClass, EventClass, TraceClass } from "../model/TraceClass.ts"
import { type Expression, type Operand, operandsOf } from "./Expression.ts"
import * as Glob from "./Glob.ts"

type Path = ReadonlyArray<string | number>

const scopeNames: Readonly<Partial<Record<Scope, string>>> = {
  "event-record-payload": "$payload",
  "event-record-specific-context": "$ectx",
  "event-record-common-context": "$ctx",
  "packet-context": "$pctx"
}

/** Whether a record of this class can have a value there. */
const hasValue = (fieldClass: FieldClass, path: Path): boolean => {
  const [step, ...rest] = path
  switch (fieldClass.kind) {
    case "structure":
      return fieldClass.members.some(({ fieldClass: inner, name }) => name === String(step) && hasValue(inner, rest))
    case "static-array":
    case "dynamic-array":
      return step !== undefined && /^\d+$/.test(String(step)) && hasValue(fieldClass.element, rest)
    case "variant":
      return fieldClass.options.some(
        (one) => hasValue(one.fieldClass, path) || (one.name === String(step) && hasValue(one.fieldClass, rest))
      )
    case "optional":
      return hasValue(fieldClass.content, path)
    case "static-blob":
    case "dynamic-blob":
      return false
    default:
      return path.length === 0
  }
}

interface Declared {
  readonly trace: TraceClass
  readonly stream: DataStreamClass
  readonly event: EventClass
}

function* declared(traces: Iterable<TraceClass>): Generator<Declared, void> {
  for (const trace of traces) {
    for (const stream of trace.dataStreams.values()) {
      for (const event of stream.events.values()) yield { trace, stream, event }
    }
  }
}

const scopesOf = ({ event, stream }: Declared): ReadonlyArray<readonly [Scope, Structure | undefined]> => [
  ["event-record-payload", event.payload],
  ["event-record-specific-context", event.specificContext],
  ["event-record-common-context", stream.commonContext],
  ["packet-context", stream.packetContext]
]

const hasOperand = (operand: Operand, one: Declared): boolean => {
  switch (operand.kind) {
    case "field":
      return scopesOf(one).some(
        ([scope, structure]) =>
          structure !== undefined &&
          (operand.scope === undefined || operand.scope === scope) &&
          hasValue(structure, operand.path)
      )
    case "environment":
      return one.trace.environment.has(operand.name)
    default:
      return true
  }
}

const textOf = (path: Path): string =>
  path.map((step, index) => (typeof step === "number" ? `[${step}]` : `${index > 0 ? "." : ""}${step}`)).join("")

const nameOf = (operand: Operand): string => {
  if (operand.kind === "environment") return `$env.${operand.name}`
  if (operand.kind !== "field") return ""
  const scope = operand.scope === undefined ? undefined : scopeNames[operand.scope]
  return `${scope === undefined ? "" : `${scope}.`}${textOf(operand.path)}`
}

const hasAny = (all: Iterable<Declared>, isWanted: (one: Declared) => boolean): boolean => {
  for (const one of all) if (isWanted(one)) return true
  return false
}

/**
 * The name patterns, and the fields of expressions, that no event class has, each once. None as long as there are no
 * classes: they may still come.
 */
export const find = (
  wanted: { readonly patterns: ReadonlyArray<string>; readonly expressions: ReadonlyArray<Expression> },
  traces: ReadonlyArray<TraceClass>
): { readonly patterns: ReadonlyArray<string>; readonly fields: ReadonlyArray<string> } => {
  if (!hasAny(declared(traces), () => true)) return { patterns: [], fields: [] }
  const patterns = wanted.patterns.filter((pattern) => {
    const matches = Glob.matcher(pattern)
    return !hasAny(declared(traces), ({ event }) => event.name !== undefined && matches(event.name))
  })
  const fields = wanted.expressions
    .flatMap(operandsOf)
    .filter((operand) => !hasAny(declared(traces), (one) => hasOperand(operand, one)))
  return { patterns: [...new Set(patterns)], fields: [...new Set(fields.map(nameOf))] }
}
