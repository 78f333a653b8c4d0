/**
 * `node test/ctf/mutate.ts DIRECTORY [COUNT [SEED]]`: so many damaged packets of the traces below, also of packed ones,
 * and packets cut at one place in thirteen, for nightly runs. Says how they ended; fails at the first that was not read
 * as it should be.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Cuts from "./cuts.ts"
import { type Packet, packetsBelow, run } from "./mutations.ts"

/** Of each trace one, as far as they are of a size of which many places can be tried. */
const smallest = (packets: ReadonlyArray<Packet>): ReadonlyArray<Packet> => {
  const byTrace = Map.groupBy(packets, ({ name }) => dirname(name))
  const one = [...byTrace.values()].map((own) => own.reduce((a, b) => (b.bytes.length < a.bytes.length ? b : a)))
  return one.filter(({ bytes }) => bytes.length <= 4096)
}

const [directory, count = "1000000", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2)
if (directory === undefined) throw new Error("usage: mutate.ts DIRECTORY [COUNT [SEED]]")
const unpacked = mkdtempSync(join(tmpdir(), "mutate-"))
try {
  cpSync(directory, unpacked, { recursive: true })
  for (const name of readdirSync(directory).filter((entry) => entry.endsWith(".tar.xz"))) {
    execFileSync("tar", ["-xJf", join(directory, name), "-C", unpacked])
  }
  const packets = packetsBelow(unpacked)
  if (packets.length === 0) throw new Error(`${directory}: no packet of a trace that can be read`)
  const ends = run(packets, Number(count), Number(seed))
  process.stdout.write(`${Cuts.run(smallest(packets), 13)} cuts\n`)
  process.stdout.write(`seed ${seed}\n${[...ends].map(([end, times]) => `${times} ${end}`).join("\n")}\n`)
} finally {
  rmSync(unpacked, { recursive: true, force: true })
}
