/** Event records of one time in several traces: in the order of babeltrace2 2.1, which others have to keep, too. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Events from "../../src/ctf/recorded/Events.ts"

const root = mkdtempSync(join(tmpdir(), "ties-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const integer = (length: number, role?: string) => ({
  type: "fixed-length-unsigned-integer",
  length,
  "byte-order": "little-endian",
  alignment: 8,
  ...(role === undefined ? {} : { roles: [role] })
})
const structure = (name: string, fieldClass: unknown) => ({
  type: "structure",
  "member-classes": [{ name, "field-class": fieldClass }]
})

interface Made {
  readonly path: string
  readonly name?: string
  readonly uid?: string
  readonly hostname?: string
  /** One file with one event record each. */
  readonly files: Readonly<Record<string, number>>
}

const write = (all: string, { files, hostname, name, path, uid }: Made): string => {
  const directory = join(root, all, path)
  mkdirSync(directory, { recursive: true })
  const environment = hostname === undefined ? undefined : { hostname }
  const fragments = [
    { type: "preamble", version: 2 },
    { type: "trace-class", name, uid, environment },
    { type: "clock-class", id: "c", frequency: 1_000_000_000, origin: "unix-epoch" },
    {
      type: "data-stream-class",
      "default-clock-class-id": "c",
      "event-record-header-field-class": structure("t", integer(64, "default-clock-timestamp"))
    },
    { type: "event-record-class", name: "e", "payload-field-class": structure("x", integer(8)) }
  ]
  writeFileSync(join(directory, "metadata"), fragments.map((one) => `\u001e${JSON.stringify(one)}`).join("\n"))
  for (const [file, value] of Object.entries(files)) {
    writeFileSync(join(directory, file), Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, value))
  }
  return directory
}

const valuesOf = (paths: ReadonlyArray<string>): ReadonlyArray<unknown> =>
  [...Events.items(paths)].map((item) => (item._tag === "Event" ? item.event.fields.x : item._tag))

describe("event records of one time", () => {
  it("are in the order of the traces' hosts and paths, whatever name and UID the metadata has", () => {
    write("paths", { path: "a", name: "B", uid: "z", files: { s: 1 } })
    write("paths", { path: "b", name: "A", uid: "y", files: { s: 2 } })
    write("paths", { path: "c", uid: "x", files: { s: 3 } })
    assert.deepStrictEqual(valuesOf([join(root, "paths")]), [1, 2, 3])
  })

  it("are in the order of UIDs where traces have no name, and those come before others", () => {
    const hosted = write("names", { path: "a", hostname: "vm", uid: "w", files: { s: 3 } })
    const later = write("names", { path: "b", uid: "y", files: { s: 2 } })
    const first = write("names", { path: "c", uid: "x", files: { s: 1 } })
    assert.deepStrictEqual(valuesOf([hosted, later, first]), [1, 2, 3])
  })

  it("are in the order of paths in one trace, in whatever order its parts are asked for", () => {
    const parts = ["p", "q"].map((path, at) =>
      write("parts", { path, uid: "x", files: { [`t${at}`]: at * 2 + 2, [`s${at}`]: at * 2 + 1 } })
    )
    assert.deepStrictEqual(valuesOf(parts), [1, 2, 3, 4])
    assert.deepStrictEqual(valuesOf(parts.toReversed()), [1, 2, 3, 4])
  })

  it("are in the order of paths where traces have neither names nor UIDs, in whatever order they are asked for", () => {
    const traces = ["a", "b", "c"].map((path, at) => write("nameless", { path, files: { s: at } }))
    assert.deepStrictEqual(valuesOf(traces), [0, 1, 2])
    assert.deepStrictEqual(valuesOf(traces.toReversed()), [0, 1, 2])
  })
})
