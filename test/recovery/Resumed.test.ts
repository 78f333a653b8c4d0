/**
 * A repair that is killed, between any two of its steps or within one, and begun again leaves what one leaves that was
 * not: what is set aside is there once.
 */
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, it } from "@effect/vitest"
import * as Aside from "../../src/recovery/Aside.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import type { Change } from "../../src/recovery/Finding.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Trees from "./trees.ts"

const root = mkdtempSync(join(tmpdir(), "resumed-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const packetBytes = 4096

/** One file: events that are none in its first packet and its third, a time that readers refuse in the second. */
const damaged = (): { readonly files: Trees.Files; readonly path: string } => {
  const files = new Map(Trees.recorded("tracefiles"))
  const path = [...files.keys()].find((each) => each.endsWith("/c_1_1")) as string
  const bytes = Buffer.from(files.get(path) ?? [])
  assert.isAtLeast(bytes.length, 4 * packetBytes)
  for (const packet of [0, 2]) bytes.fill(0xff, packet * packetBytes + 600, packet * packetBytes + 700)
  for (const at of [39, 47]) bytes[packetBytes + at] = 0xa0
  files.set(path, bytes)
  return { files, path }
}

const { files, path } = damaged()

/** So many bytes of what a change sets aside were written when it was killed. */
const begin = (directory: string, change: Change, byteCount: number): void => {
  if (change.kind !== "aside") return
  const bytes = Buffer.from(Trees.read(directory).get(change.path) ?? [])
  const parts = change.ranges.map(({ from, to }) => bytes.subarray(from, to))
  appendFileSync(join(directory, change.to), Buffer.concat(parts).subarray(0, byteCount))
}

const repaired = (
  directory: string,
  stepCountMax = Number.POSITIVE_INFINITY,
  begunBytes = 0
): ReadonlyArray<Change> => {
  const done: Array<Change> = []
  let isKilled = false
  const apply = (change: Change) => {
    if (done.length === stepCountMax) {
      if (!isKilled) begin(directory, change, begunBytes)
      isKilled = true
      throw new Error("killed")
    }
    DiskTree.apply(directory, change)
    done.push(change)
  }
  Repair.repair(DiskTree.make(directory), apply, Repair.optionsOf(true))
  return done
}

const written = (name: string): string => {
  const directory = join(root, name)
  Trees.write(files, directory)
  return directory
}

it("killed after any of its steps", () => {
  const right = written("right")
  const changes = repaired(right)
  assert.isAtLeast(changes.filter(({ kind }) => kind === "aside").length, 2)
  assert.isAtLeast(changes.filter(({ kind }) => kind === "shorten").length, 2)
  const wanted = Trees.read(right)
  assert.strictEqual(wanted.get(Aside.pathOf(path))?.length, 3 * packetBytes)
  for (let count = 0; count < changes.length; count++) {
    for (const begunBytes of [0, 100, packetBytes - 1]) {
      const directory = written(`${count}-${begunBytes}`)
      repaired(directory, count, begunBytes)
      repaired(directory)
      assert.deepStrictEqual(Trees.read(directory), wanted, `after ${count} steps and ${begunBytes} bytes`)
    }
  }
})

it("what is set aside of bytes that repeat themselves is found in the end of what is there, wherever that begins", () => {
  const directory = mkdtempSync(join(root, "bytes-"))
  const [from, to] = [join(directory, "d"), join(directory, Aside.pathOf("d"))]
  const whole = Buffer.alloc(3_000_000, "0123456789abcdef0")
  whole.fill(0, 1_000_000, 1_500_000)
  writeFileSync(from, whole)
  const change = {
    kind: "aside",
    path: "d",
    to: Aside.pathOf("d"),
    ranges: [
      { from: 100, to: 2_000_000 },
      { from: 2_100_000, to: 2_900_000 }
    ]
  } as const
  const added = Buffer.concat([whole.subarray(100, 2_000_000), whole.subarray(2_100_000, 2_900_000)])
  for (const before of [0, 7, 2_000_000]) {
    writeFileSync(to, Buffer.alloc(before, 1))
    for (const left of [0, 1, 20, 1_000_000, 2_500_000, added.length, added.length]) {
      truncateSync(to, before + left)
      DiskTree.apply(directory, change)
      const now = Trees.read(directory).get(change.to)
      assert.strictEqual(now?.length, before + added.length + (left > 0 && left < 16 ? left : 0))
      assert.isTrue(
        Buffer.from(now ?? [])
          .subarray(-added.length)
          .equals(added)
      )
      truncateSync(to, before)
      appendFileSync(to, added)
    }
  }
})
