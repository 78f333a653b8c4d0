/**
 * What a relay does while a check looks: it begins to write what was over, writes the index record of a packet that was
 * seen without one, rotates, clears. Nothing of that is damage, and a repair changes nothing of it.
 */
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import type { Tree } from "../../src/recovery/Tree.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

/** The tree, and what happens the first time that something of the path is read. */
const disturbed = (tree: Tree, path: string, act: () => void): Tree => {
  let isOver = false
  const first = (at: string) => {
    if (isOver || at !== path) return
    isOver = true
    act()
  }
  return {
    ...tree,
    read: (at) => {
      const bytes = tree.read(at)
      first(at)
      return bytes
    },
    data: (at, byteCount) => {
      first(at)
      return tree.data(at, byteCount)
    },
    list: (at) => {
      first(at)
      return tree.list(at)
    }
  }
}

const severe = ({ findings }: Check.Report) =>
  findings.filter(({ severity }) => severity !== "note").map(({ code, path }) => `${code} ${path}`)

/** Repairs while `act` happens: what is found, and changed. */
const repaired = (files: Trees.Files, path: string, act: () => void) => {
  const { changes, report } = Repair.repair(disturbed(Trees.tree(files), path, act), Trees.apply(files))
  const notes = report.findings.filter(({ code }) => code === "being-written").map(({ path }) => path)
  return { changes, severe: severe(report), notes }
}

const nothing = (path: string) => ({ changes: [], severe: [], notes: [path] })

const trace = "tracefiles/ust/uid/0/64-bit"

describe("what changes while it is looked at", () => {
  it("the record of a packet comes after its index was read", () => {
    const files = Trees.recorded("tracefiles")
    const index = `${trace}/index/c_1_2.idx`
    const whole = files.get(index) as Uint8Array
    files.set(index, whole.subarray(0, -72))
    const outcome = repaired(files, `${trace}/c_1_2`, () => void files.set(index, whole))
    assert.deepStrictEqual(outcome, nothing(trace))
    assert.strictEqual(files.get(index), whole)
  })

  it("metadata comes after its file was read", () => {
    const files = Trees.recorded("tracefiles")
    const path = `${trace}/metadata`
    const whole = files.get(path) as Uint8Array
    files.set(path, Buffer.alloc(0))
    const outcome = repaired(files, path, () => void files.set(path, whole))
    assert.deepStrictEqual(outcome, nothing(trace))
  })

  it("a clear removes the files after they were listed", () => {
    const files = Trees.recorded("tracefiles")
    const outcome = repaired(files, `${trace}/metadata`, () => {
      for (const path of [...files.keys()]) if (!path.endsWith("metadata")) files.delete(path)
      files.set(`${trace}/index/`, Buffer.alloc(0))
    })
    assert.deepStrictEqual(outcome, nothing(trace))
  })

  it("a rotation archives a chunk that was seen, so that its packets are seen again", () => {
    const files = Trees.recorded("rotated")
    const chunk =
      [...files.keys()]
        .map((path) => /^rotated\/archives\/[^/]+/.exec(path)?.[0] ?? "")
        .sort()
        .at(-1) ?? ""
    const open = "rotated/20261125T234407+0000-2"
    const rename = (path: string, to: string) => Trees.apply(files)({ kind: "rename", path, to })
    rename(chunk, open)
    const outcome = repaired(files, "rotated/archives", () => rename(open, chunk))
    assert.deepStrictEqual([outcome.changes, outcome.severe], [[], []])
    assert.strictEqual(outcome.notes.length, 1)
  })

  it.live("a relay begins to write files that nobody had open", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("begun")
      const files = Trees.recorded("tracefiles")
      const path = `${trace}/index/c_0_0.idx`
      files.set(path, (files.get(path) as Uint8Array).subarray(0, 50))
      Trees.write(files, home)
      let descriptor: number | undefined
      const tree = disturbed(DiskTree.make(home), `${trace}/metadata`, () => {
        descriptor = openSync(join(home, path), "r+")
      })
      const apply = (change: Parameters<typeof DiskTree.apply>[1]) => DiskTree.apply(home, change)
      const meanwhile = Repair.repair(tree, apply)
      assert.deepStrictEqual([meanwhile.changes, severe(meanwhile.report)], [[], []])
      assert.strictEqual(Trees.read(home).get(path)?.length, 50)
      if (descriptor !== undefined) closeSync(descriptor)
      const { changes } = Repair.repair(tree, apply)
      assert.deepStrictEqual(
        changes.map(({ kind }) => kind),
        ["write"]
      )
    })
  )

  it("what stays as it is was damaged before, and is repaired", () => {
    const files = Trees.recorded("tracefiles")
    const index = `${trace}/index/c_1_2.idx`
    const whole = files.get(index) as Uint8Array
    files.set(index, whole.subarray(0, -72))
    const { changes } = repaired(files, `${trace}/c_1_2`, () => {})
    assert.strictEqual(changes.length, 1)
    assert.deepStrictEqual(Buffer.from(files.get(index) ?? []), Buffer.from(whole))
  })
})
