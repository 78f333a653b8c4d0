/** What commands that print event records share: format, filters, and babeltrace2's options for text. */

import { Flag } from "effect/cli"
import * as Result from "effect/Result"
import type { Filter } from "../ctf/decode/Fields.ts"
import * as Filters from "../ctf/filter/Filters.ts"
import * as Where from "../ctf/filter/Where.ts"
import { defaults, type HeaderField, type NameKind, type TextOptions } from "../ctf/print/Text.ts"

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

/** Throws what is wrong. */
const choose = <A extends string>(flag: string, text: string, all: ReadonlyArray<A>): ReadonlySet<A> => {
  const words = list(text)
  if (words.includes("all")) return new Set(all)
  if (words.length === 1 && words[0] === "none") return new Set()
  const unknown = words.find((word) => !all.some((known) => known === word))
  if (unknown !== undefined) throw new Error(`--${flag}: ${unknown} is none of ${["all", "none", ...all].join(", ")}`)
  return new Set(all.filter((known) => words.includes(known)))
}

const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))

export const flags = {
  event: Flag.String("event").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "Events of such a name: a pattern like sched_*, or several with commas; may be given several times"
    )
  ),
  where: Flag.String("where").pipe(
    Flag.atLeast(0),
    Flag.withDescription("Events for which an expression holds: prev_tid == 1234 and $ctx.procname =~ /^app/")
  ),
  clockSeconds: toggle("clock-seconds", "Times in seconds from the epoch"),
  clockDate: toggle("clock-date", "Times with their date"),
  clockGmt: toggle("clock-gmt", "Times in UTC instead of the local time zone"),
  clockCycles: toggle("clock-cycles", "Times as the clock's own values"),
  noDelta: toggle("no-delta", "Without the time since the event before"),
  names: Flag.String("names").pipe(
    Flag.withDefault("payload,context"),
    Flag.withDescription("Names to print: none, all, or a list of scope, header, context, payload")
  ),
  fields: Flag.String("fields").pipe(
    Flag.withDefault("trace:hostname,trace:procname,trace:vpid"),
    Flag.withDescription(
      "Fields before the name: none, all, or a list of trace, trace:hostname, trace:domain, loglevel …"
    )
  ),
  color: Flag.Literals("color", ["auto", "always", "never"]).pipe(
    Flag.withDefault("auto" as const),
    Flag.withDescription("Colour the text: on terminals, always, never")
  )
}

export interface Input {
  readonly event: ReadonlyArray<string>
  readonly where: ReadonlyArray<string>
  readonly clockSeconds: boolean
  readonly clockDate: boolean
  readonly clockGmt: boolean
  readonly clockCycles: boolean
  readonly noDelta: boolean
  readonly names: string
  readonly fields: string
  readonly color: "auto" | "always" | "never"
}

/** Throws what is wrong. */
export const textOptions = (input: Input, isTerminal: boolean): TextOptions => ({
  ...defaults,
  isSeconds: input.clockSeconds,
  hasDate: input.clockDate,
  isGmt: input.clockGmt,
  isCycles: input.clockCycles,
  hasDelta: !input.noDelta,
  names: choose("names", input.names, nameKinds),
  fields: choose("fields", input.fields, headerFields),
  isColored: input.color === "always" || (input.color === "auto" && isTerminal)
})

/** Throws what is wrong with an expression. */
export const filter = ({ event, where }: Pick<Input, "event" | "where">): Filter | undefined => {
  const filters: Array<Filter> = event.length > 0 ? [Filters.named(event.flatMap(list))] : []
  for (const text of where) {
    const parsed = Where.parse(text)
    if (Result.isFailure(parsed)) throw parsed.failure
    filters.push(Filters.where(parsed.success))
  }
  return filters.length === 0 ? undefined : Filters.every(filters)
}
