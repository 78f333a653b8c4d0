/**
 * What earlier versions left, by the commits they were made from: a relay that was killed while it renamed, with the
 * history of a session by an edge; the spool of that edge, which has the rest; and what an operator's port and an edge
 * said. `node test/endurance/versions.ts` has real processes of both versions.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"
import { Effect } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import type * as Script from "../../src/testing/Script.ts"
import { closeCommands, noSeq } from "../sidebyside/commands.ts"

/** Each file in base 64, by its path. */
type Stored = Readonly<Record<string, string>>

interface Left {
  readonly output: Stored
  readonly spool: Stored
}

interface Said {
  /** Bodies by path. */
  readonly api: Readonly<Record<string, unknown>>
  readonly status: unknown
}

const read = (commit: string): unknown => {
  const path = fileURLToPath(new URL(`./earlier/${commit}.json.gz`, import.meta.url))
  return JSON.parse(gunzipSync(readFileSync(path)).toString())
}

const filesOf = (stored: Stored): MemoryFiles => {
  const files = new MemoryFiles()
  for (const [path, bytes] of Object.entries(stored)) files.write(path, Buffer.from(bytes, "base64"))
  return files
}

export const commits = ["55f3ac0d", "e18a6d47"]

/** In `/traces` and `/spool`. */
export const left = (commit: string) => {
  const { output, spool } = read(commit) as Left
  return { output: filesOf(output), spool: filesOf(spool) }
}

export const said = (): Said => read("55f3ac0d") as Said

/** The session, all of it. */
export const told = (script: Script.Script) =>
  Effect.gen(function* () {
    const { c, d } = yield* script.recording()
    const stream = yield* c.addStream({ fileSize: 100, fileCount: 3 })
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.streamsSent
    for (let chunk = 1; chunk <= 8; chunk++) {
      for (const seq of [2 * chunk - 2, 2 * chunk - 1]) {
        yield* d.packet(stream, seq, 60)
        yield* c.index(stream, { seq, packetSeq: seq, bytes: 60 })
      }
      yield* c.createChunk(chunk, chunk)
      yield* c.rotate(chunk, [[stream, 2 * chunk] as const, [metadata, 0] as const])
      yield* c.metadata(metadata, Buffer.alloc(20, "m"))
      yield* c.closeChunk(chunk - 1, chunk, chunk % 4 === 2 ? closeCommands.delete : closeCommands.move)
    }
    yield* c.closeStream(stream, 15)
    yield* c.closeStream(metadata, noSeq)
    yield* c.close
    yield* d.close
  })
