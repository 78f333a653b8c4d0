/** `--begin` by index files: what is printed is the same without them, and packets before are not looked at. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Text from "../../src/ctf/print/Text.ts"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"

const traces = join(import.meta.dirname, "traces")

const show = (directory: string, begin: string) => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  const recording = Recording.open([directory], {
    ...Recording.defaults,
    interval: (first) => ({ begin: Moment.parse(begin, true, first), end: undefined })
  })
  const { failureCount } = Printing.print(recording, {
    format: "text",
    text: { ...Text.defaults, isGmt: true, isSeconds: true },
    filter: undefined,
    write: (bytes) => parts.push(Buffer.from(bytes)),
    warn: (line) => warnings.push(line.replaceAll(directory, ""))
  })
  return { text: Buffer.concat(parts).toString(), warnings, failureCount }
}

const withTrace = (name: string, use: (directory: string) => void): void => {
  const scratch = mkdtempSync(join(tmpdir(), "packet-index-"))
  try {
    execFileSync("tar", ["-xJf", join(traces, `${name}.tar.xz`), "-C", scratch])
    use(join(scratch, name))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const indexesBelow = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".idx"))
    .map((path) => join(directory, path))

const withoutIndexes = (directory: string): string => {
  const copy = `${directory}-plain`
  cpSync(directory, copy, { recursive: true })
  for (const path of indexesBelow(copy)) rmSync(path)
  return copy
}

const secondsOf = (line: string): string => /^\[(\d+\.\d+)\]/.exec(line)?.[1] ?? ""

/** The first times printed of some lines over all of the text. */
const moments = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n").filter((line) => line !== "")
  return [0, 1, 0.3, 0.5, 0.8, 0.99].map((part) => secondsOf(lines[Math.floor(part * (lines.length - 1))] ?? ""))
}

const indexed = ["discarded", "overwrite", "tracefiles", "discard-begin", "rotated", "perpid", "many", "clock"]

describe("the index of a data file", () => {
  it.for(indexed)("leads to the same lines and losses of %s as its packets do", (name) => {
    withTrace(name, (directory) => {
      const plain = withoutIndexes(directory)
      for (const begin of moments(show(directory, "0").text)) {
        const [found, wanted] = [show(directory, begin), show(plain, begin)]
        assert.strictEqual(secondsOf(found.text), begin)
        assert.deepStrictEqual(found, wanted)
      }
    })
  })

  it("leads to the loss that ends with the packet that ends at the begin", () => {
    withTrace("discarded", (directory) => {
      const plain = withoutIndexes(directory)
      const ends = show(directory, "0").warnings.map((line) => /and \[([\d.]+)\]/.exec(line)?.[1] ?? "")
      assert.isNotEmpty(ends)
      for (const end of ends) assert.deepStrictEqual(show(directory, end), show(plain, end))
    })
  })

  it("spares the heads of packets before: that of the first but one may be broken", () => {
    withTrace("discarded", (directory) => {
      const [index = ""] = indexesBelow(directory).filter((path) => readFileSync(path).length > 16 + 72 * 8)
      const data = index.replace("/index/", "/").replace(/\.idx$/, "")
      const bytes = readFileSync(data)
      bytes.writeUInt32LE(0, Number(readFileSync(index).readBigUInt64BE(16 + 72)))
      const last = moments(show(directory, "0").text)[1] ?? ""
      writeFileSync(data, bytes)
      assert.strictEqual(show(directory, last).failureCount, 0)
      assert.isAbove(show(withoutIndexes(directory), last).failureCount, 0)
    })
  })

  it("is not believed when it is damaged, cut, or of another file", () => {
    withTrace("discarded", (directory) => {
      const begin = moments(show(directory, "0").text)[4] ?? ""
      const wanted = show(withoutIndexes(directory), begin)
      const damages: ReadonlyArray<(bytes: Buffer) => Buffer> = [
        (bytes) => bytes.subarray(0, 10),
        (bytes) => bytes.subarray(0, 16 + 72 * 3 + 7),
        (bytes) => Buffer.concat([bytes.subarray(0, 16), bytes.subarray(16 + 72)]),
        (bytes) => Buffer.from(bytes).fill(0, 0, 4),
        (bytes) => Buffer.from(bytes).fill(0xff, 16, 16 + 40),
        (bytes) => Buffer.from(bytes).fill(0, 16 + 24, 16 + 40),
        () => Buffer.alloc(0)
      ]
      const originals = indexesBelow(directory).map((path) => [path, readFileSync(path)] as const)
      for (const damage of damages) {
        for (const [path, bytes] of originals) writeFileSync(path, damage(bytes))
        assert.deepStrictEqual(show(directory, begin), wanted)
      }
      for (const [path] of originals) {
        rmSync(path)
        mkdirSync(path)
      }
      assert.deepStrictEqual(show(directory, begin), wanted)
    })
  })
})
