/** Traces of a few bytes, written by hand, and what we and babeltrace2 print of them. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "@effect/vitest"
import { defaults } from "../../src/ctf/print/Text.ts"
import { always } from "../../src/ctf/recorded/Interval.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"

export interface Trace {
  readonly metadata: string
  /** By name, in hexadecimal digits. */
  readonly files: Readonly<Record<string, string>>
}

/** Where the traces of a test file lie: each in a directory of its own, which is answered. */
export const place = (): ((trace: Trace) => string) => {
  const root = mkdtempSync(join(tmpdir(), "byhand-"))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  return ({ files, metadata }) => {
    const directory = mkdtempSync(join(root, "trace-"))
    writeFileSync(join(directory, "metadata"), metadata)
    for (const [name, hex] of Object.entries(files)) {
      writeFileSync(join(directory, name), Buffer.from(hex.replace(/\s/g, ""), "hex"))
    }
    return directory
  }
}

export type Code = (typeof Recording.defaults)["code"]

export const open = (directory: string, code: Code, interval = always) =>
  Recording.open([directory], { ...Recording.defaults, code, interval: () => interval })

/** What we print: its lines, in the bytes' own characters. */
export const shown = (directory: string, code: Code, interval = always) => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  const { failureCount } = Printing.print(open(directory, code, interval), {
    format: "text",
    text: { ...defaults, isGmt: true },
    filter: undefined,
    write: (bytes) => parts.push(Buffer.from(bytes)),
    warn: (line) => warnings.push(line)
  })
  return { lines: Buffer.concat(parts).toString("latin1").split("\n"), failureCount, warnings }
}

export const shownByBabeltrace2 = (directory: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync("babeltrace2", ["--clock-gmt", ...args, directory], {
    encoding: "latin1"
  })
  return { lines: stdout.split("\n"), status, warnings: stderr.split("\n") }
}
