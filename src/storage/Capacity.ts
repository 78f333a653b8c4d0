/** How large a file system is, and what of it is free. */
import { statfs } from "node:fs/promises"
import { Effect } from "effect"
import { pathOf } from "../protocol/Text.ts"

export interface Capacity {
  /** Bytes that processes other than root's can use. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** The capacity of the file system that `path` is on; undefined: it does not tell. */
export const of = (path: string): Effect.Effect<Capacity | undefined> =>
  Effect.map(Effect.option(Effect.tryPromise(() => statfs(pathOf(path)))), (answer) => {
    if (answer._tag === "None" || answer.value.blocks === 0) return undefined
    const { bavail, blocks, bsize } = answer.value
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  })
