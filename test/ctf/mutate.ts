/**
 * `node test/ctf/mutate.ts DIRECTORY [COUNT [SEED]]`: so many damaged packets of the traces below, for nightly runs.
 * Says how they ended; fails at the first that was not read as it should be.
 */
import { packetsBelow, run } from "./mutations.ts"

const [directory, count = "1000000", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2)
if (directory === undefined) throw new Error("usage: mutate.ts DIRECTORY [COUNT [SEED]]")
const ends = run(packetsBelow(directory), Number(count), Number(seed))
process.stdout.write(`seed ${seed}\n${[...ends].map(([end, times]) => `${times} ${end}`).join("\n")}\n`)
