/**
 * Files that are read again while the daemon runs: which of them could not be used when they were read last. What was
 * read before stays in force then, for as long as nobody looks.
 */
import { Effect } from "effect"

const refused = new Map<string, boolean>()

/** What reads `file`, and fails where it is no use. */
export const noted = <A, E>(file: string, read: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.onExit(read, ({ _tag }) => Effect.sync(() => void refused.set(file, _tag === "Failure")))

/** Of those that were read. */
export const all: ReadonlyMap<string, boolean> = refused
