/** What commands that print event records share: format, filters, and babeltrace2's options for text. */
import * as Result from "effect/Result"
import type { Filter } from "../ctf/decode/Fields.ts"
import type { Expression } from "../ctf/filter/Expression.ts"
import * as Filters from "../ctf/filter/Filters.ts"
import * as Unmatched from "../ctf/filter/Unmatched.ts"
import * as Where from "../ctf/filter/Where.ts"
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import { defaults, type HeaderField, type NameKind, type TextOptions } from "../ctf/print/Text.ts"
import { Misused } from "./Misused.ts"
import { type Option, type Options, toggle, type ValuesOf } from "./Options.ts"

const list = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

const nameKinds: ReadonlyArray<NameKind> = ["scope", "header", "context", "payload"]

const headerFields: ReadonlyArray<HeaderField> = [
  "trace",
  "trace:hostname",
  "trace:domain",
  "trace:procname",
  "trace:vpid",
  "loglevel",
  "emf",
  "callsite"
]

/** babeltrace2's other words for some of them. */
const synonyms = new Map([
  ["arg", "payload"],
  ["args", "payload"],
  ["ctx", "context"]
] as const)

interface Choices<A extends string> {
  readonly all: ReadonlyArray<A>
  /** What is chosen if no word is given. */
  readonly usual: ReadonlySet<A>
  /** Other words for some of them. */
  readonly synonyms?: ReadonlyMap<string, A>
}

/** As babeltrace2 takes them: lists add up, and nothing between commas is nothing. Throws what is wrong. */
const choose = <A extends string>(
  flag: string,
  lists: ReadonlyArray<string>,
  { all, synonyms, usual }: Choices<A>
): ReadonlySet<A> => {
  const given = lists.flatMap(list).filter((word) => word !== "")
  const words = new Set<string>(given.map((word) => synonyms?.get(word) ?? word))
  if (words.size === 0) return usual
  if (words.has("all") && words.has("none")) throw new Misused(`--${flag}: all and none are two answers`)
  const known = ["all", "none", ...all]
  const unknown = [...words].find((word) => !known.includes(word))
  if (unknown !== undefined) throw new Misused(`--${flag}: ${unknown} is none of ${known.join(", ")}`)
  return new Set(all.filter((one) => words.has("all") || words.has(one)))
}

const number = (name: string, description: string) => ({ kind: "text", name, default: "0", description }) as const

export const selection = {
  event: {
    kind: "texts",
    name: "event",
    description: "Events of such a name: a pattern like sched_*, or several with commas; may be given several times"
  },
  where: {
    kind: "texts",
    name: "where",
    description: "Events for which an expression holds: prev_tid == 1234 and $ctx.procname =~ /^app/"
  }
} as const satisfies Options

export const format = {
  kind: "choice",
  name: "format",
  choices: ["text", "ndjson"],
  default: "text",
  description: "Lines for people, as babeltrace2 prints them, or one JSON object a line"
} as const satisfies Option

export const options = {
  ...selection,
  clockSeconds: toggle("clock-seconds", "Times in seconds from the epoch"),
  clockDate: toggle("clock-date", "Times with their date"),
  clockGmt: toggle("clock-gmt", "Times in UTC instead of the local time zone"),
  clockCycles: toggle("clock-cycles", "Times as the clock's own values"),
  clockOffset: number("clock-offset", "Times moved by so many seconds"),
  clockOffsetNanos: number("clock-offset-ns", "Times moved by so many nanoseconds"),
  noDelta: toggle("no-delta", "Without the time since the event before"),
  names: {
    kind: "texts",
    name: "names",
    short: "n",
    description: "Names to print: none, all, or a list of scope, header, context, payload (payload,context)"
  },
  fields: {
    kind: "texts",
    name: "fields",
    short: "f",
    description: "Fields before the name: none, all, or a list of trace, trace:hostname, trace:domain, loglevel …"
  },
  color: {
    kind: "choice",
    name: "color",
    choices: ["auto", "always", "never"],
    default: "auto",
    description: "Colour the text: on terminals without NO_COLOR, always, never"
  }
} as const satisfies Options

export type Input = ValuesOf<typeof options>

/** Whether colours are switched off, as usual programs understand it; babeltrace2 knows the second way only. */
const isPlain = (): boolean => (process.env.NO_COLOR ?? "") !== "" || process.env.TERM === "dumb"

/** Throws what is wrong. */
export const textOptions = (input: Input, isTerminal: boolean): TextOptions => ({
  ...defaults,
  isSeconds: input.clockSeconds,
  hasDate: input.clockDate,
  isGmt: input.clockGmt,
  isCycles: input.clockCycles,
  hasDelta: !input.noDelta,
  names: choose("names", input.names, { all: nameKinds, usual: defaults.names, synonyms }),
  fields: choose("fields", input.fields, { all: headerFields, usual: defaults.fields }),
  isColored: input.color === "always" || (input.color === "auto" && isTerminal && !isPlain()),
  isTerminal
})

/** As babeltrace2 reads it: `0x`, `0b`, or a leading zero for octal. */
const integerPattern = /^([-+]?)(?:(0x[\da-f]{1,15}|0b[01]{1,60}|[1-9]\d{0,17})|0([0-7]{0,20}))$/i

const integer = (flag: string, text: string): bigint => {
  const [matched, sign, plain, octal] = integerPattern.exec(text) ?? []
  if (matched === undefined) throw new Misused(`--${flag}: ${text} is no whole number of at most 18 digits`)
  const value = BigInt(plain ?? `0o${octal || 0}`)
  return sign === "-" ? -value : value
}

/** By how many nanoseconds times are moved. Throws what is wrong. */
export const clockShift = ({ clockOffset, clockOffsetNanos }: Input): bigint =>
  integer("clock-offset", clockOffset) * 1_000_000_000n + integer("clock-offset-ns", clockOffsetNanos)

type Selection = Pick<Input, "event" | "where">

const expressionOf = (text: string): Expression => {
  const parsed = Where.parse(text)
  if (Result.isFailure(parsed)) throw parsed.failure
  return parsed.success
}

/** The filter that is asked for; undefined: none. Throws what is wrong with an expression. */
export const filter = ({ event, where }: Selection): Filter | undefined => {
  const names = event.length > 0 ? [Filters.named(event.flatMap(list))] : []
  const filters = [...names, ...where.map((text) => Filters.where(expressionOf(text)))]
  return filters.length === 0 ? undefined : Filters.every(filters)
}

/** Warnings about names and values that are asked for and that no class has. Expressions must be right. */
export const warnings = ({ event, where }: Selection, traces: ReadonlyArray<TraceClass>): ReadonlyArray<string> => {
  if (event.length === 0 && where.length === 0) return []
  const wanted = { patterns: event.flatMap(list), expressions: where.map(expressionOf) }
  const { fields, patterns } = Unmatched.find(wanted, traces)
  return [
    ...patterns.map((pattern) => `WARNING: --event: no event has a name like ${JSON.stringify(pattern)}`),
    ...fields.map((field) => `WARNING: --where: no event has a value ${JSON.stringify(field)}`)
  ]
}
