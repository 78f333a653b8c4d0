/** Recorded directories of any size are read: more traces than a call takes arguments. */
import type { Dirent } from "node:fs"
import promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"

const traceCount = 130_000

const entry = (name: string, isFile: boolean) =>
  ({ name, isFile: () => isFile, isDirectory: () => !isFile, isSymbolicLink: () => false }) as unknown as Dirent

const names = (path: string): ReadonlyArray<Dirent> => {
  if (path === "/session") return [entry("ust", false)]
  if (path !== "/session/ust") return [entry("metadata", true)]
  return Array.from({ length: traceCount }, (_, index) => entry(`pid${index}`, false))
}

it("as many traces as there are below one directory", async () => {
  const plain = { readdir: promises.readdir, readFile: promises.readFile }
  const fakes = {
    readdir: async (path: Buffer | string) => names(path.toString()),
    readFile: async () => Buffer.alloc(0)
  }
  Object.assign(promises, fakes)
  syncBuiltinESMExports()
  try {
    const { chunks } = await Effect.runPromise(CtfTrace.open("/session"))
    assert.strictEqual(chunks[0]?.traces.length, traceCount)
  } finally {
    Object.assign(promises, plain)
    syncBuiltinESMExports()
  }
}, 60_000)
