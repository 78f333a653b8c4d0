/** Trace chunks that a relay renames while somebody reads them: all that was there is read, wherever it is by then. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Recording from "../../src/ctf/recorded/Recording.ts"

const metadata = `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
event { name = "e"; fields := struct { integer { size = 8; } x; }; };`

const root = mkdtempSync(join(tmpdir(), "moved-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let count = 0
/** A session with chunks that have an event for each letter. */
const session = (chunks: Readonly<Record<string, string>>): string => {
  const path = join(root, `session-${count++}`)
  for (const [name, text] of Object.entries(chunks)) {
    const trace = join(path, name, "ust", "uid")
    mkdirSync(trace, { recursive: true })
    writeFileSync(join(trace, "metadata"), metadata)
    writeFileSync(join(trace, "s"), text)
  }
  return path
}

const move = (from: string, to: string): void => {
  mkdirSync(dirname(to), { recursive: true })
  renameSync(from, to)
}

/** How many events there are, and what went wrong. */
const read = (path: string, meanwhile: () => void) => {
  const recording = Recording.open([path])
  meanwhile()
  let eventCount = 0
  const failures: Array<string> = []
  for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
    if (reader.item === "event") eventCount++
    if (reader.item === "failure") failures.push(`${reader.failure?.kind} ${reader.path.slice(path.length)}`)
  }
  recording.close()
  return [eventCount, ...failures]
}

const chunk = "20261129T091505+0000-3"
const archived = "archives/20261129T091505+0000-20261129T091506+0000-3"

describe("a chunk that is renamed", () => {
  it.each([
    ["when it is complete", chunk, archived],
    ["when it is complete, and had no name", "", archived],
    ["while the next one begins", "", ".tmp_old_chunk"],
    ["when it begins", ".tmp_new_chunk", chunk],
    ["when it begins, and soon is complete", ".tmp_new_chunk", archived],
    ["and lies among the archives when it is looked for", ".tmp_old_chunk", archived]
  ])("%s", (_, from, to) => {
    const other = "archives/20261129T091501+0000-20261129T091505+0000-2"
    const path = session({ [from]: "abc", [other]: "de" })
    assert.deepStrictEqual(
      read(path, () => {
        if (from !== "") return move(join(path, from), join(path, to))
        return move(join(path, "ust"), join(path, to, "ust"))
      }),
      [5]
    )
  })

  it.each([
    ["among the archives", archived],
    ["where it waits for that", ".tmp_old_chunk"]
  ])("is read %s, and not the next one that has its place", (_, to) => {
    const path = session({ "": "abc" })
    const next = session({ "": "d" })
    assert.deepStrictEqual(
      read(path, () => {
        move(join(path, "ust"), join(path, to, "ust"))
        move(join(next, "ust"), join(path, "ust"))
      }),
      [3]
    )
  })

  it("is read where it is, if it is that which was asked for", () => {
    const path = session({ [chunk]: "abc" })
    assert.deepStrictEqual(
      read(join(path, chunk), () => move(join(path, chunk), join(path, archived))),
      [3]
    )
  })

  it("is not taken for another one that has its files, and none of those is for one that is gone", () => {
    const path = session({ [chunk]: "abc", [archived]: "de" })
    const gone = join(path, chunk)
    assert.deepStrictEqual(
      read(path, () => rmSync(gone, { recursive: true })),
      [2, `gone /${chunk}/ust/uid/s`]
    )
  })
})

describe("a chunk that has only begun", () => {
  const begun = (path: string) => {
    const trace = join(path, ".tmp_new_chunk", "ust", "uid")
    mkdirSync(trace, { recursive: true })
    for (const name of ["metadata", "s"]) writeFileSync(join(trace, name), "")
    return path
  }

  it("is told of beside others", () => {
    const recording = Recording.open([begun(session({ [chunk]: "abc" }))], { ...Recording.defaults, isPartial: true })
    recording.close()
    assert.deepStrictEqual([recording.streams.length, recording.refusals.length], [1, 0])
    assert.match(recording.warnings.join(), /\.tmp_new_chunk\/ust\/uid: nothing is recorded yet: `metadata` is empty$/)
  })

  it("is no trace yet", () => {
    assert.throws(() => Recording.open([begun(session({}))]), /nothing is recorded yet/)
  })

  it("is refused in plain words if its packets came before its metadata", () => {
    const path = begun(session({}))
    writeFileSync(join(path, ".tmp_new_chunk", "ust", "uid", "s"), "abc")
    assert.throws(() => Recording.open([path]), /nothing tells what its data are, or not yet: `metadata` is empty$/)
  })
})
