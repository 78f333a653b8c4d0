/** What a relay in memory has put down of its journals, and a disk that still has only that. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

export const notesIn = (memory: MemoryFiles) =>
  memory.paths("/traces/.journals").map((path) => [path, Buffer.from(memory.read(path) ?? assert.fail())] as const)

/** Those notes again, in the place of what was put down since. */
export const noted = (memory: MemoryFiles, notes: ReturnType<typeof notesIn>) =>
  Effect.forEach(notes, ([path, bytes]) => Effect.map(memory.service.unlink(path), () => memory.write(path, bytes)))
