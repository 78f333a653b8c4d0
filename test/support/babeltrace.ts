/**
 * Reading a recorded trace back with babeltrace, and what a reader can find wrong with it.
 *
 * Events carry (source, seq): a lost event is a gap, a repeated or reordered one a step that does not go up.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as Process from "./process.ts"
import * as Tree from "./tree.ts"

export interface Source {
  count: number
  first: number
  last: number
  /** Steps that are not +1, as "previous→next"; the first few are enough to see the kind of damage. */
  readonly breaks: Array<string>
}

export interface Readout {
  readonly events: number
  readonly byName: ReadonlyMap<string, number>
  readonly bySource: ReadonlyMap<number, Source>
  /** Warnings about events or packets that the tracer or the transport lost. */
  readonly discarded: ReadonlyArray<string>
  readonly stderr: string
}

const shownBreaksMax = 5
const eventPattern = / (demo:\w+): .*source = (\d+), seq = (\d+)/

export const parse = (stdout: string, stderr = ""): Readout => {
  const byName = new Map<string, number>()
  const bySource = new Map<number, Source>()
  let events = 0
  for (const line of stdout.split("\n")) {
    const found = eventPattern.exec(line)
    if (found === null) continue
    const [, name = "", sourceText, seqText] = found
    const id = Number(sourceText)
    const seq = Number(seqText)
    events += 1
    byName.set(name, (byName.get(name) ?? 0) + 1)
    const source = bySource.get(id)
    if (source === undefined) {
      bySource.set(id, { count: 1, first: seq, last: seq, breaks: [] })
      continue
    }
    if (seq !== source.last + 1 && source.breaks.length < shownBreaksMax) source.breaks.push(`${source.last}→${seq}`)
    source.count += 1
    source.last = seq
  }
  const discarded = `${stderr}\n${stdout}`.split("\n").filter((line) => /discarded (\d+ )?(event|packet)/i.test(line))
  return { events, byName, bySource, discarded, stderr }
}

/** Every trace found below the path, merged by time. */
export const read = (path: string, ...args: ReadonlyArray<string>) =>
  Effect.map(Process.run("babeltrace2", ["--clock-cycles", ...args, path]), ({ stdout, stderr }) =>
    parse(stdout, stderr)
  )

/** The same as its lines. */
export const linesOf = (path: string) =>
  Effect.map(Process.run("babeltrace2", ["--clock-cycles", path]), ({ stdout }) => stdout)

export const readWithBabeltrace1 = (path: string) =>
  Effect.map(Process.run("babeltrace", ["--clock-cycles", path]), ({ stdout, stderr }) => parse(stdout, stderr))

/** Exactly these events, each once, each source in its own order, nothing reported lost. */
export const assertExactly = (
  readout: Readout,
  expected: ReadonlyArray<{ readonly source?: number; readonly from?: number; readonly count: number }>
): void => {
  const found = [...readout.bySource].sort(([a], [b]) => a - b)
  const wanted = expected.map(({ source = 0, from = 0, count }): [number, Source] => [
    source,
    { count, first: from, last: from + count - 1, breaks: [] }
  ])
  assert.deepStrictEqual(found, wanted)
  assert.deepStrictEqual(readout.discarded, [])
}

const indexHeaderBytes = 16

const sumOfPackets = (path: string): { readonly bytes: number; readonly packets: number; readonly gaps: number } => {
  const file = readFileSync(path)
  const recordBytes = file.readUInt32BE(12)
  let bytes = 0
  let gaps = 0
  let packets = 0
  for (let at = indexHeaderBytes; at + recordBytes <= file.length; at += recordBytes) {
    if (Number(file.readBigUInt64BE(at)) !== bytes) gaps += 1
    bytes += Number(file.readBigUInt64BE(at + 8)) / 8
    packets += 1
  }
  return { bytes, packets, gaps }
}

/** Every index below the root tiles its data file without gap or rest; returns how many packets that were. */
export const assertIndexed = (root: string): number => {
  const indexes = Tree.files(root).filter((path) => path.endsWith(".idx"))
  let total = 0
  for (const path of indexes) {
    const data = join(root, dirname(path), "..", basename(path, ".idx"))
    const { bytes, packets, gaps } = sumOfPackets(join(root, path))
    const dataBytes = statSync(data).size
    assert.deepStrictEqual({ path, bytes, gaps }, { path, bytes: dataBytes, gaps: 0 })
    total += packets
  }
  return total
}

/** Sequence number of each stream's first packet. */
export const firstPackets = (root: string): ReadonlyArray<number> =>
  Tree.files(root)
    .filter((path) => path.endsWith(".idx"))
    .map((path) => {
      const file = readFileSync(join(root, path))
      return Number(file.readBigUInt64BE(indexHeaderBytes + file.readUInt32BE(12) - 8))
    })

/** The directories below `root` that hold a trace: those with a metadata file. */
export const traces = (root: string): ReadonlyArray<string> =>
  Tree.files(root)
    .filter((path) => basename(path) === "metadata")
    .map((path) => dirname(path))

/** The only directory of that session below the host directories. */
export const sessionDirectory = (output: string, session: string): string => {
  const found = readdirSync(output).flatMap((host) =>
    readdirSync(join(output, host))
      .filter((name) => name === session || name.startsWith(`${session}-`))
      .map((name) => join(output, host, name))
  )
  assert.strictEqual(found.length, 1, `directories of ${session}: ${found.join(" ")}`)
  return found[0] ?? ""
}
