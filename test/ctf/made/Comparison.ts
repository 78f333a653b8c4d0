/** A trace that was made up, as we print it in both formats and as babeltrace2 does. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { defaults } from "../../../src/ctf/print/Text.ts"
import * as Printing from "../../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../../src/ctf/recorded/Recording.ts"
import { random } from "../encoding.ts"
import * as Metadata from "./Metadata.ts"
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
    .filter((line) => line.startsWith("WARNING: Tracer discarded"))
    .map((line) => line.replace(/ in trace .* within stream ".*"/, ""))

const show = (directory: string): Printed => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  try {
    const { failureCount } = Printing.print(Recording.open([directory]), {
      format: "text",
      text: { ...defaults, isGmt: true, fields: new Set([...defaults.fields, "loglevel"]) },
      filter: undefined,
      interval: Recording.always,
      write: (bytes) => parts.push(Buffer.from(bytes)),
      warn: (line) => warnings.push(line)
    })
    const lines = Buffer.concat(parts).toString("latin1").split("\n")
    return { lines, losses: lossesOf(warnings), problem: failureCount === 0 ? undefined : warnings.join("\n") }
  } catch (cause) {
    if (!(cause instanceof Recording.RecordingRefused)) throw cause
    return { lines: [], losses: [], problem: cause.message }
  }
}

const babeltrace2 = (directory: string): Printed | undefined => {
  const fields = "--fields=trace:hostname,trace:procname,trace:vpid,loglevel"
  const { signal, status, stderr, stdout } = spawnSync("babeltrace2", ["--clock-gmt", fields, directory], {
    encoding: "latin1",
    maxBuffer: 2 ** 28,
    timeout: 20_000,
    env: { PATH: process.env.PATH, TZ: "UTC", LC_ALL: "C.UTF-8" }
  })
  if (signal !== null) return undefined
  const problem = status === 0 ? undefined : stderr
  return { lines: stdout.split("\n"), losses: lossesOf(stderr.split("\n")), problem }
}

const text = '"(?:[^"\\\\]|\\\\.)*"'
const labels = new RegExp(`\\( (\\{ )?(${text}(?:, ${text})+)( \\})? : container`, "g")
const texts = new RegExp(text, "g")

/** Several labels: 2.0 has no braces around them, and another order. */
const plain = (line: string): string =>
  line.replace(labels, (_, _open, all: string) => `( ${(all.match(texts) ?? []).sort().join(", ")} : container`)

/** An empty text of ours may be what 2.0 had there before. */
const isAlike = (ours: string, theirs: string): boolean => {
  const [a, b] = [plain(ours), plain(theirs)]
  if (a === b) return true
  const [own, other] = [a.match(texts) ?? [], b.match(texts) ?? []]
  return (
    a.replace(texts, '""') === b.replace(texts, '""') &&
    own.length === other.length &&
    own.every((text, at) => text === '""' || text === other[at])
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

export const compare = (seed: number, directory: string): Compared => {
  const recorded = Traces.record(seed)
  if (recorded === undefined) return { end: "nothing", detail: "" }
  const { files, trace } = recorded
  const next = random(seed + 2 ** 24)
  const text = Metadata.tsdl(trace, next)
  const isPacked = trace.uuid !== undefined && chance(next, 0.4)
  const metadata = isPacked ? Metadata.packed(text, trace.uuid, next) : Buffer.from(text)
  Traces.writeFiles(join(directory, "one"), metadata, files)
  Traces.writeFiles(join(directory, "two"), Buffer.from(Metadata.json(trace, next)), files)
  const theirs = babeltrace2(join(directory, "one"))
  const [one, two] = [show(join(directory, "one")), show(join(directory, "two"))]
  const formats = difference(one, two)
  if (formats !== undefined) return { end: "different", detail: `CTF 1.8 and CTF 2\n${formats}` }
  if (theirs === undefined) return { end: "reader died", detail: "" }
  const detail = difference(one, theirs)
  return detail === undefined ? { end: "same", detail: "" } : { end: "different", detail: `us and babeltrace2\n${detail}` }
}
