/**
 * Looks once after a start for what a crash left in the output directory: cheaply, so not everywhere.
 * `lttng-relay check` looks at everything.
 */
import { type FileHandle, open, readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Effect } from "effect"
import { report } from "../errors/Report.ts"
import { wallMillis } from "../Machine.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"

/** Most names looked at, which takes some hundred milliseconds of a processor while the relay does other work. */
const nameCountMax = 2000

const { header, headerSize, record10, record11 } = CtfIndex
/** Bytes of a record's first two members, offset and packet size, which both versions have. */
const offsetAndSizeBytes = record10.offsets.contentSize

const readAt = async (file: FileHandle, at: number, count: number): Promise<DataView | undefined> => {
  const bytes = new Uint8Array(count)
  const { bytesRead } = await file.read(bytes, 0, count, at)
  return bytesRead === count ? new DataView(bytes.buffer) : undefined
}

/**
 * Whether the file has changed since the relay began to listen: then somebody is writing there. One that is ahead of
 * the clock was written before that was set back, as on a host without a battery that starts again.
 */
const isFresh = async (path: string, sinceMillis: number): Promise<boolean> => {
  const { ctimeMs } = await stat(path)
  return ctimeMs >= sinceMillis && ctimeMs <= wallMillis()
}

/** Whether an index ends in the middle of a record, or does not end where its data file does. */
const isUnfinished = async (path: string): Promise<boolean> => {
  const file = await open(path, "r")
  try {
    const { size } = await file.stat()
    const recordBytes = (await readAt(file, 0, headerSize))?.getUint32(header.offsets.packetIndexLength)
    if (recordBytes !== record10.size && recordBytes !== record11.size) return true
    if ((size - headerSize) % recordBytes !== 0) return true
    if (size === headerSize) return false
    const last = await readAt(file, size - recordBytes, offsetAndSizeBytes)
    const data = await stat(join(dirname(path), "..", basename(path, CtfIndex.suffix)))
    return (
      last === undefined ||
      BigInt(data.size) !== last.getBigUint64(0) + last.getBigUint64(record10.offsets.packetSize) / 8n
    )
  } finally {
    await file.close()
  }
}

/** Whether the metadata file is empty although there are packets beside it. */
const isMissed = async (path: string): Promise<boolean> => {
  if ((await stat(path)).size > 0) return false
  for (const entry of await readdir(dirname(path), { withFileTypes: true })) {
    if (entry.isFile() && (await stat(join(dirname(path), entry.name))).size > 0) return true
  }
  return false
}

const isTemporary = (name: string): boolean => /^\.tmp_(old|new)_chunk$/.test(name)

/** When a session began, according to its directory's name: `YYYYMMDD-HHMMSS`. */
const dateOf = (name: string): string | undefined => /-(\d{8}-\d{6})(?:-\d+)?$/.exec(name)?.[1]

class Search {
  readonly found: Array<string> = []
  readonly #sinceMillis: number
  readonly #recorded: ReadonlySet<string>
  #nameCount = 0

  constructor(sinceMillis: number, recorded: ReadonlySet<string>) {
    this.#sinceMillis = sinceMillis
    this.#recorded = recorded
  }

  get #isOver(): boolean {
    return this.#nameCount >= nameCountMax
  }

  /** Looks through all sessions of all hosts, from the latest on: earlier ones are most likely whole. */
  async all(output: string): Promise<void> {
    const sessions = new Map<string, string>()
    const waiting = [output]
    for (let directory = waiting.shift(); directory !== undefined; directory = waiting.shift()) {
      for (const entry of await this.#look(directory)) {
        const date = dateOf(entry)
        const path = join(directory, entry)
        if (this.#recorded.has(path)) continue
        if (date === undefined) waiting.push(path)
        else sessions.set(path, date)
      }
    }
    const latest = [...sessions].sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0))
    for (const [path] of latest) {
      if (this.#isOver) return
      await this.#below(path)
    }
  }

  async #below(directory: string): Promise<void> {
    for (const name of await this.#look(directory)) await this.#below(join(directory, name))
  }

  /** Judges a directory's files; answers its directories to look into. Those of sessions are not counted as names. */
  async #look(directory: string): Promise<ReadonlyArray<string>> {
    if (this.#isOver) return []
    const below: Array<string> = []
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const { name } = entry
      if (entry.isDirectory() && dateOf(name) !== undefined) below.push(name)
      else if (++this.#nameCount > nameCountMax) break
      else if (entry.isDirectory() && isTemporary(name)) await this.#judge(join(directory, name), async () => true)
      else if (entry.isDirectory() && !name.startsWith(".")) below.push(name)
      else if (name.endsWith(CtfIndex.suffix)) await this.#judge(join(directory, name), isUnfinished)
      else if (name === "metadata") await this.#judge(join(directory, name), isMissed)
    }
    return below
  }

  async #judge(path: string, isLeft: (path: string) => Promise<boolean>): Promise<void> {
    const isOld = async () => !(await isFresh(path, this.#sinceMillis))
    if (
      await isLeft(path)
        .then((left) => left && isOld())
        .catch(() => false)
    )
      this.found.push(path)
  }
}

/** Paths of what was left, as far as the search came. */
const find = async (
  output: string,
  sinceMillis: number,
  recorded: ReadonlyArray<string>
): Promise<ReadonlyArray<string>> => {
  const search = new Search(sinceMillis, new Set(recorded.map((path) => join(output, path))))
  await search.all(output)
  return search.found
}

/**
 * Logs once what was left unfinished before `sinceMillis` (ms since 1970), and what can be done. Directories of
 * sessions that are `recorded` now, relative to `output`, are left out.
 */
export const look = (output: string, sinceMillis: number, recorded: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.promise(() => find(output, sinceMillis, recorded)),
    ([first, ...others]) => {
      if (first === undefined) return Effect.void
      const more = others.length === 0 ? "" : ` and ${others.length} more`
      return report("LEFTOVERS", `${first}${more}: lttng-relay repair ${output} --to=NEW`)
    }
  )
