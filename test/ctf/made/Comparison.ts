/** A trace that was made up, as we print it in both formats and as babeltrace2 does. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { defaults, type TextOptions } from "../../../src/ctf/print/Text.ts"
import * as Printing from "../../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../../src/ctf/recorded/Recording.ts"
import { type Random, random } from "../encoding.ts"
import * as Metadata from "./Metadata.ts"
import { isNew } from "./Reader.ts"
import * as Traces from "./Traces.ts"
import { chance } from "./Types.ts"

/** Not compared: babeltrace2 died of it, or there is nothing to read. */
export interface Compared {
  readonly end: "same" | "different" | "reader died" | "nothing"
  readonly detail: string
}

interface Printed {
  readonly lines: ReadonlyArray<string>
  readonly losses: ReadonlyArray<string>
  readonly problem: string | undefined
}

/** Without the UUID, which versions name differently, and the trace's name. */
const lossesOf = (text: ReadonlyArray<string>): ReadonlyArray<string> =>
  text
    .map((line) => line.replaceAll(colors, ""))
    .filter((line) => line.startsWith("WARNING: Tracer discarded"))
    .map((line) => line.replace(/ in trace .* within stream ".*"/, ""))

/** Some of the ways to print, with babeltrace2's words for each. */
interface Style {
  readonly args: ReadonlyArray<string>
  readonly text: TextOptions
}

const nameKinds = ["scope", "header", "context", "payload"] as const
const traceFields = ["trace", "trace:hostname", "trace:domain", "trace:procname", "trace:vpid"] as const
const headerFields = [...traceFields, "loglevel", "emf", "callsite"] as const

/** At least one. */
const someOf = <A>(all: ReadonlyArray<A>, next: Random): ReadonlyArray<A> => {
  const some = all.filter(() => chance(next, 0.6))
  return some.length === 0 ? all.slice(0, 1) : some
}

const styleOf = (next: Random): Style => {
  const args = ["--clock-gmt"]
  const text = { ...defaults, isGmt: true }
  const style = (arg: string, more: Partial<TextOptions>) => {
    args.push(arg)
    Object.assign(text, more)
  }
  const clock = next()
  if (clock < 0.2) style("--clock-seconds", { isSeconds: true })
  else if (clock < 0.4) style("--clock-date", { hasDate: true })
  else if (clock < 0.5) style("--clock-cycles", { isCycles: true })
  if (chance(next, 0.2)) style("--no-delta", { hasDelta: false })
  const names = next()
  if (names < 0.1) style("--names=none", { names: new Set() })
  else if (names < 0.5) {
    const some = someOf(nameKinds, next)
    style(`--names=${some.join(",")}`, { names: new Set(some) })
  }
  if (chance(next, 0.5)) {
    const some = someOf(headerFields, next)
    style(`--fields=${some.join(",")}`, { fields: new Set(some) })
  }
  if (chance(next, 0.2)) style("--color=always", { isColored: true })
  return { args, text }
}

const show = (directory: string, text: TextOptions): Printed => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  try {
    const { failureCount } = Printing.print(Recording.open([directory]), {
      format: "text",
      text,
      filter: undefined,
      write: (bytes) => parts.push(Buffer.from(bytes)),
      warn: (line) => warnings.push(line)
    })
    const lines = Buffer.concat(parts).toString("latin1").split("\n")
    return { lines, losses: lossesOf(warnings), problem: failureCount === 0 ? undefined : warnings.join("\n") }
  } catch (cause) {
    const problem = cause instanceof Error ? cause.stack : JSON.stringify(cause)
    return { lines: [], losses: [], problem: cause instanceof Recording.RecordingRefused ? cause.message : problem }
  }
}

const babeltrace2 = (directory: string, args: ReadonlyArray<string>): Printed | undefined => {
  const color = args.includes("--color=always") ? "always" : "never"
  const { signal, status, stderr, stdout } = spawnSync("babeltrace2", [...args, directory], {
    encoding: "latin1",
    maxBuffer: 2 ** 28,
    timeout: 20_000,
    env: { PATH: process.env.PATH, TZ: "UTC", LC_ALL: "C.UTF-8", TERM: "xterm", BABELTRACE_TERM_COLOR: color }
  })
  if (signal !== null) return undefined
  const problem = status === 0 ? undefined : stderr
  return { lines: stdout.split("\n"), losses: lossesOf(stderr.split("\n")), problem }
}

/** At times there are colours. */
const color = "(?:\\u001b\\[\\d+m)"
const colors = new RegExp(color, "g")
const text = `${color}?"(?:[^"\\\\]|\\\\.)*"${color}?`
const labels = new RegExp(`\\( (\\{ )?(${text}(?:, ${text})+)( \\})? : container`, "g")
const texts = new RegExp(text, "g")

/** Several labels: 2.0 has no braces around them, and another order. */
const plain = (line: string): string =>
  line.replace(labels, (_, _open, all: string) => `( ${(all.match(texts) ?? []).sort().join(", ")} : container`)

const emptyContext = new RegExp(`(?:${color}?stream\\.packet\\.context${color}? = )?\\{ \\}(?:, |$)`)

/** 2.0 has braces for a packet's context with nothing in it. */
const withoutEmpty = (line: string): string => line.replace(emptyContext, "")

const isAlike = (ours: string, theirs: string): boolean =>
  isAlmost(ours, theirs) || (!isNew && isAlmost(ours, withoutEmpty(theirs)))

/** An empty text of ours may be what 2.0 had there before. */
const isAlmost = (ours: string, theirs: string): boolean => {
  const [a, b] = [plain(ours), plain(theirs)]
  if (a === b || isNew) return a === b
  const [own, other] = [a.match(texts) ?? [], b.match(texts) ?? []]
  return (
    a.replace(texts, '""') === b.replace(texts, '""') &&
    own.length === other.length &&
    own.every((text, at) => text.replaceAll(colors, "") === '""' || text === other[at])
  )
}

const difference = (ours: Printed, theirs: Printed): string | undefined => {
  if ((ours.problem === undefined) !== (theirs.problem === undefined)) {
    return `  we say  ${ours.problem}\n  they    ${theirs.problem?.slice(0, 1500)}`
  }
  if (theirs.problem !== undefined) return undefined
  const at = Math.max(ours.lines.length, theirs.lines.length)
  for (let line = 0; line < at; line++) {
    const [own, other] = [ours.lines[line], theirs.lines[line]]
    if (own === undefined || other === undefined || !isAlike(own, other)) {
      return `  line ${line + 1}\n  ours    ${own}\n  theirs  ${other}`
    }
  }
  const [own, other] = [ours.losses.join("\n"), theirs.losses.join("\n")]
  return own === other ? undefined : `  ours\n${own}\n  theirs\n${other}`
}

/** In one directory: the trace, and at times another one of another domain. */
const write = (root: string, seed: number): boolean => {
  const next = random(seed + 2 ** 24)
  const seeds = chance(next, 0.25) ? [seed, seed + 2 ** 25] : [seed]
  const recorded = seeds.map((one, at) =>
    Traces.record(one, seeds.length === 1 ? undefined : { clockSeed: seed, at, count: seeds.length })
  )
  for (const [at, one] of recorded.entries()) {
    if (one === undefined) return false
    const { files, trace } = one
    const text = Metadata.tsdl(trace, next)
    const isPacked = trace.uuid !== undefined && chance(next, 0.4)
    const metadata = isPacked ? Metadata.packed(text, trace.uuid, next) : Buffer.from(text)
    const below = seeds.length === 1 ? "" : (["ust/uid/0/64-bit", "kernel"][at] ?? "")
    Traces.writeFiles(join(root, "one", below), metadata, files)
    Traces.writeFiles(join(root, "two", below), Buffer.from(Metadata.json(trace, next)), files)
  }
  return true
}

export const compare = (seed: number, directory: string): Compared => {
  if (!write(directory, seed)) return { end: "nothing", detail: "" }
  const { args, text } = styleOf(random(seed + 2 ** 23))
  const [one, two] = [show(join(directory, "one"), text), show(join(directory, "two"), text)]
  const formats = difference(one, two)
  if (formats !== undefined) return { end: "different", detail: `CTF 1.8 and CTF 2\n${formats}` }
  for (const name of isNew ? ["one", "two"] : ["one"]) {
    const theirs = babeltrace2(join(directory, name), args)
    if (theirs === undefined) return { end: "reader died", detail: "" }
    const detail = difference(one, theirs)
    if (detail !== undefined)
      return { end: "different", detail: `us and babeltrace2 ${args.join(" ")} ${name}\n${detail}` }
  }
  return { end: "same", detail: "" }
}
