/**
 * Names and paths drawn from a seed: what a peer may call a session, its host, its place and its streams, over
 * directories that are there already or are links. Each case has a host directory of its own, so a relay answers all of
 * them, one after the other.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { Random } from "../support/Random.ts"
import * as Tree from "../support/tree.ts"
import * as Commands from "./commands.ts"
import { type Scenario, scenario } from "./scenario.ts"

const { join: bytesOf, u8, u32, u64 } = Commands

export interface Case {
  readonly name: Buffer
  readonly host: Buffer
  readonly basePath: Buffer
  readonly streamPath: Buffer
  readonly channel: Buffer
  /** What lies below the output directory before: a directory, a file, a link, by path. */
  readonly there: ReadonlyArray<readonly [path: string, kind: "directory" | "file" | "link", to?: string]>
}

/** Names that are, were, or look dangerous; and the odd ones that are none of it. */
const odd: ReadonlyArray<Buffer> = [
  "a",
  "b.c",
  ".",
  "..",
  "...",
  ".hidden",
  "a..",
  "..a",
  "",
  "é",
  "e\u0301",
  "日本語",
  "🚀",
  "x y",
  " ",
  "a\tb",
  "a\nb",
  "%2e%2e",
  "~",
  "-rf",
  "a\\b",
  "*?",
  "\u0001",
  "CON:",
  "index",
  "metadata",
  "archives",
  ".tmp_old_chunk",
  "20261121T013015+0000-1",
  "s-20261121-013015",
  "n".repeat(200),
  "n".repeat(255),
  "n".repeat(256),
  "é".repeat(127)
].map((text) => Buffer.from(text))

const slash = Buffer.from("/")
const text = (value: string) => Buffer.from(value)

/** A few names with slashes between, before and behind, more of them than needed. */
const path = (random: Random): Buffer => {
  const parts: Array<Buffer> = []
  const slashes = () => Array.from({ length: random.pick([0, 0, 0, 1, 2]) }, () => slash)
  parts.push(...slashes())
  for (let count = random.below(3); count >= 0; count--) {
    parts.push(random.pick(odd))
    if (count > 0) parts.push(slash, ...(random.below(5) === 0 ? [slash] : []))
  }
  parts.push(...slashes())
  return Buffer.concat(parts)
}

const plain = { name: text("s"), basePath: text(""), streamPath: text("ust/uid/0/64-bit"), channel: text("ch_0") }

/** Places of which one is something else than a directory that the relay makes. */
const obstacles = (host: string): Case["there"] => [
  [host, "link", `elsewhere/${host}`],
  [`${host}/base`, "link", `elsewhere/${host}`],
  [`${host}/base`, "link", "nowhere/at/all"],
  [`${host}/base/ust`, "link", `elsewhere/${host}`],
  [`${host}/base/ust/uid/0`, "link", `elsewhere/${host}`],
  [`${host}/base/ust/uid/0`, "file"],
  [`${host}/base`, "file"],
  [host, "file"],
  [`${host}/base/ust/uid/0/64-bit/ch_0`, "directory"],
  [`${host}/base/ust/uid/0`, "directory"],
  [`${host}/base/notes`, "file"],
  [`${host}/base/lost+found`, "directory"]
]

/** One member is odd at a time; the others say nothing. */
export const fromSeed = (seed: number, count: number): ReadonlyArray<Case> => {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, at): Case => {
    const host = `h${at}`
    const one = { ...plain, host: text(host), there: [] }
    switch (random.below(6)) {
      case 0:
        return { ...one, name: random.pick(odd) }
      case 1:
        return { ...one, host: Buffer.concat([random.pick(odd), text(host)]) }
      case 2:
        return { ...one, basePath: path(random) }
      case 3:
        return { ...one, basePath: text("base"), streamPath: path(random) }
      case 4:
        return { ...one, basePath: text("base"), channel: random.pick(odd) }
      default:
        return { ...one, basePath: text("base"), there: [random.pick(obstacles(host))] }
    }
  })
}

const terminated = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])

const createSession = ({ name, host, basePath }: Case, sessionId: number) => {
  const names = [name, host, basePath].map(terminated)
  return bytesOf(
    ...names.map(({ length }) => u32(length)),
    u32(0),
    u8(0),
    u8(0),
    Buffer.from("41e5e344992c4675aea6d7f9749e7de5", "hex"),
    u64(sessionId),
    u64(Commands.start),
    u8(0),
    u64(0),
    ...names
  )
}

const addStream = ({ streamPath, channel }: Case) => {
  const names = [channel, streamPath].map(terminated)
  return bytesOf(...names.map(({ length }) => u32(length)), u64(0), u64(0), u64(0), ...names)
}

const put = (output: string, there: Case["there"]) => {
  for (const [at, kind, to = ""] of there) {
    const path = join(output, at)
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 })
    if (kind === "directory") mkdirSync(path, { recursive: true, mode: 0o750 })
    else if (kind === "file") writeFileSync(path, "in the way", { mode: 0o640 })
    else symlinkSync(join(output, "..", to), path)
  }
}

const climbs = (path: Buffer) => path.toString().split("/").includes("..")

/** Why ours is to do something else; undefined: it is to do the same. */
export const differenceOf = ({ basePath, streamPath, channel, there }: Case): string | undefined => {
  if (climbs(basePath) || climbs(streamPath)) return "2.13.9 lets paths end in .., later releases do not"
  if (channel.toString() === "..") return "2.13.9 takes it for a directory, later releases refuse it"
  if (there.some(([path, kind]) => kind === "file" && path.includes("/ust/")))
    return "what is there is a trace's: taken"
  return undefined
}

/** Where a case begins in the transcript. */
export const mark = (at: number) => `case ${at}`

export const scenarioOf = (name: string, cases: ReadonlyArray<Case>, args: ReadonlyArray<string>): Scenario =>
  scenario(
    name,
    function* (s) {
      const elsewhere = join(s.output, "../elsewhere")
      for (const [at, one] of cases.entries()) {
        s.note(mark(at))
        mkdirSync(join(elsewhere, `h${at}`), { recursive: true })
        put(s.output, one.there)
        const c = yield* s.control
        yield* c.version(13)
        const reply = yield* c.command("CREATE_SESSION", createSession(one, at), 16)
        const length = reply.readUInt32BE(12)
        if (length === 0) continue
        yield* c.reply("path", length)
        yield* c.createChunk(0, Commands.start)
        // The counter of handles would show a difference once in every case after it.
        yield* Effect.asVoid(c.command("ADD_STREAM", addStream(one), 12))
        yield* c.close
      }
      s.note(mark(cases.length))
      for (const line of Tree.read(elsewhere)) s.note(line)
    },
    { args }
  )
