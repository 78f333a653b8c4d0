/**
 * What a crash left in the output directory, looked for once after a start: cheaply, and only so far.
 * `lttng-relay check` looks at everything.
 */
import { type FileHandle, open, readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Effect } from "effect"
import { report } from "../errors/Report.ts"

/** Names looked at: some tens of milliseconds, beside whatever else the relay does. */
const nameCountMax = 5000

const headerBytes = 16
const offsetAndSizeBytes = 16

const readAt = async (file: FileHandle, at: number, count: number): Promise<DataView | undefined> => {
  const bytes = new Uint8Array(count)
  const { bytesRead } = await file.read(bytes, 0, count, at)
  return bytesRead === count ? new DataView(bytes.buffer) : undefined
}

/** Changed since the relay began to listen: somebody is at work there. */
const isFresh = async (path: string, sinceMillis: number): Promise<boolean> => (await stat(path)).ctimeMs >= sinceMillis

/** Whether an index ends in the middle of a record, or elsewhere than its data. */
const isUnfinished = async (path: string): Promise<boolean> => {
  const file = await open(path, "r")
  try {
    const { size } = await file.stat()
    const recordBytes = (await readAt(file, 0, headerBytes))?.getUint32(12)
    if (recordBytes !== 56 && recordBytes !== 72) return true
    if ((size - headerBytes) % recordBytes !== 0) return true
    if (size === headerBytes) return false
    const last = await readAt(file, size - recordBytes, offsetAndSizeBytes)
    const data = await stat(join(dirname(path), "..", basename(path, ".idx")))
    return last === undefined || BigInt(data.size) !== last.getBigUint64(0) + last.getBigUint64(8) / 8n
  } finally {
    await file.close()
  }
}

const isLeft = async (path: string, isOld: () => Promise<boolean>): Promise<boolean> =>
  (await isUnfinished(path)) && (await isOld())

/** Paths of what was left, as far as it looked. */
const find = async (output: string, sinceMillis: number): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  const waiting = [output]
  let nameCount = 0
  for (let directory = waiting.shift(); directory !== undefined; directory = waiting.shift()) {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (++nameCount > nameCountMax) return found
      const path = join(directory, entry.name)
      const isOld = async () => !(await isFresh(path, sinceMillis))
      if (entry.isDirectory() && /^\.tmp_(old|new)_chunk$/.test(entry.name)) {
        if (await isOld().catch(() => false)) found.push(path)
      } else if (entry.isDirectory() && !entry.name.startsWith(".")) waiting.push(path)
      else if (entry.name.endsWith(".idx") && (await isLeft(path, isOld).catch(() => false))) found.push(path)
    }
  }
  return found
}

/** Says once what was not finished before `sinceMillis` (ms since the epoch), and what can be done. */
export const look = (output: string, sinceMillis: number): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.promise(() => find(output, sinceMillis)),
    ([first, ...others]) => {
      if (first === undefined) return Effect.void
      const more = others.length === 0 ? "" : ` and ${others.length} more`
      return report("LEFTOVERS", `${first}${more}: lttng-relay repair ${output} --to=NEW`)
    }
  )
