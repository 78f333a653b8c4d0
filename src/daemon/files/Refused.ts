/**
 * Which of the files that are read again while the daemon runs could not be used when last read. What was read before
 * then stays in force, until somebody notices.
 */
import { Effect } from "effect"

const refused = new Map<string, boolean>()

/** Runs `read`, and notes under the name `file` whether it failed. */
export const noted = <A, E>(file: string, read: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.onExit(read, ({ _tag }) => Effect.sync(() => void refused.set(file, _tag === "Failure")))

/** Names of the files that were read, and whether that failed the last time. */
export const all: ReadonlyMap<string, boolean> = refused
