/**
 * `npm run bench -- decode [DIRECTORY…]`: recorded traces decoded, printed as text and as NDJSON, beside babeltrace2 in
 * turn. Processor time and wall time of whole processes, and of the library once it is warm.
 *
 * Without directories: `ust-million` and `kernel-many-threads` of the corpus, unpacked beside the repository.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { basename, join } from "node:path"
import * as Result from "effect/Result"
import * as Filters from "../src/ctf/filter/Filters.ts"
import * as Where from "../src/ctf/filter/Where.ts"
import * as Text from "../src/ctf/print/Text.ts"
import * as Printing from "../src/ctf/recorded/Printing.ts"
import * as Recording from "../src/ctf/recorded/Recording.ts"

interface Cost {
  readonly wall: number
  /** User and system. */
  readonly cpu: number
}

const toolbox = join(import.meta.dirname, "../dist/bin/lttng-relay.js")
const corpus = join(import.meta.dirname, "../../shared/traces")
const node = process.execPath

const time = (command: string, args: ReadonlyArray<string>): Cost => {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null 2> /dev/null'
  const { stderr } = spawnSync("bash", ["-c", script, "bash", command, ...args], { encoding: "utf8" })
  const [wall = 0, user = 0, system = 0] = stderr.trim().split(" ").map(Number)
  return { wall, cpu: user + system }
}

const everything = (): boolean => true

const expressions: Readonly<Record<string, string>> = {
  "ust-million": "n == 5",
  "kernel-many-threads": "prev_tid == 1234"
}

const library = (directory: string, format: Printing.Format): Cost => {
  const nowhere = openSync("/dev/null", "w")
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  const parsed = Where.parse(expressions[basename(directory)] ?? "$event.id == 0")
  const filter = format === "count" && Result.isSuccess(parsed) ? Filters.where(parsed.success) : everything
  Printing.print(Recording.open([directory]), {
    format,
    text: Text.defaults,
    filter,
    write: (bytes) => writeSync(nowhere, bytes),
    warn: () => {}
  })
  const { system, user } = process.cpuUsage(cpu)
  closeSync(nowhere)
  return { wall: (performance.now() - wall) / 1000, cpu: (user + system) / 1e6 }
}

interface Row {
  readonly what: string
  /** What it is compared with. */
  readonly beside: string | undefined
  readonly measure: () => Cost
}

const rowsOf = (directory: string): ReadonlyArray<Row> => {
  const where = `--where=${expressions[basename(directory)] ?? "$event.id == 0"}`
  const show = (...flags: ReadonlyArray<string>) => time(node, [toolbox, "show", directory, ...flags])
  return [
    { what: "babeltrace2 dummy", beside: undefined, measure: () => time("babeltrace2", [directory, "-o", "dummy"]) },
    { what: "library, decode and test", beside: "babeltrace2 dummy", measure: () => library(directory, "count") },
    { what: "show --count --where", beside: "babeltrace2 dummy", measure: () => show("--count", where) },
    { what: "babeltrace2 text", beside: undefined, measure: () => time("babeltrace2", [directory]) },
    { what: "library, text", beside: "babeltrace2 text", measure: () => library(directory, "text") },
    { what: "show", beside: "babeltrace2 text", measure: () => show() },
    { what: "library, NDJSON", beside: "babeltrace2 text", measure: () => library(directory, "ndjson") },
    { what: "show --format=ndjson", beside: "babeltrace2 text", measure: () => show("--format=ndjson") }
  ]
}

const best = (costs: ReadonlyArray<Cost>): Cost => ({
  wall: costs.reduce((least, { wall }) => Math.min(least, wall), Number.POSITIVE_INFINITY),
  cpu: costs.reduce((least, { cpu }) => Math.min(least, cpu), Number.POSITIVE_INFINITY)
})

const compare = (directory: string, rounds: number): ReadonlyArray<string> => {
  const rows = rowsOf(directory)
  const costs = new Map<string, Array<Cost>>(rows.map(({ what }) => [what, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { measure, what } of rows) costs.get(what)?.push(measure())
  }
  const found = new Map([...costs].map(([what, own]) => [what, best(own)]))
  return rows.map(({ beside, what }) => {
    const own = found.get(what) ?? best([])
    const other = beside === undefined ? undefined : found.get(beside)
    const ratio = (of: "wall" | "cpu") => (other === undefined ? "" : `${(other[of] / own[of]).toFixed(1)}x`)
    return `| ${what} | ${own.cpu.toFixed(2)} s | ${ratio("cpu")} | ${own.wall.toFixed(2)} s | ${ratio("wall")} |`
  })
}

const unpacked = (name: string, into: string): string => {
  const archive = join(corpus, `${name}.tar.xz`)
  if (!existsSync(archive)) throw new Error(`${archive} is not here: name directories of traces`)
  execFileSync("tar", ["-xJf", archive, "-C", into])
  return join(into, name)
}

export const run = (directories: ReadonlyArray<string>, rounds: number): void => {
  const scratch = mkdtempSync(join(tmpdir(), "decode-"))
  try {
    const all = directories.length > 0 ? directories : Object.keys(expressions).map((name) => unpacked(name, scratch))
    const lines = [`${cpus()[0]?.model ?? ""}, best of ${rounds} rounds, output to /dev/null`]
    for (const directory of all) {
      lines.push("", `| ${basename(directory)} | processor | | wall | |`, "| --- | --- | --- | --- | --- |")
      lines.push(...compare(directory, rounds))
    }
    process.stdout.write(`${lines.join("\n")}\n`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
