/**
 * `node test/ctf/differential.ts [COUNT [SEED]]`: so many traces that nobody recorded, from one seed on, read by us in
 * both formats and by babeltrace2: the same lines. Says where they first differ, and keeps that trace; with `--go-on`
 * that is not the end.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Compared, compare } from "./made/Comparison.ts"

const [count = "2000", first = String(1 + (Date.now() % 2 ** 20))] = process.argv.slice(2)
const isKept = process.argv.includes("--go-on")
if (spawnSync("babeltrace2", ["--version"]).status !== 0) throw new Error("babeltrace2 is not here")
const ends = new Map<Compared["end"], number>()
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const directory = mkdtempSync(join(tmpdir(), "differential-"))
  const { detail, end } = compare(seed, directory)
  ends.set(end, (ends.get(end) ?? 0) + 1)
  if (end === "different") {
    process.stdout.write(`seed ${seed}, ${directory}\n${detail}\n`)
    process.exitCode = 1
    if (!isKept) break
  } else {
    rmSync(directory, { recursive: true, force: true })
  }
}
process.stdout.write(`from seed ${first}: ${[...ends].map(([end, times]) => `${times} ${end}`).join(", ")}\n`)
