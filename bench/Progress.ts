/**
 * What is said while it runs, on standard error, and the result on standard output. When nobody reads any more the
 * run ends as by Ctrl-C: what it started is ended, what it made is removed.
 */
import { writeSync } from "node:fs"
import { Effect } from "effect"
import * as StandardOutput from "../src/cli/StandardOutput.ts"

const standardError = 2

export const say = (line: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    try {
      writeSync(standardError, `${line}\n`)
      return Effect.void
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      // A full pipe, or a full disk: a line less.
      return code === "EPIPE" ? Effect.interrupt : Effect.void
    }
  })

/** Fails where it cannot be written: a result that nobody gets is none. */
export const print = (line: string): Effect.Effect<void, Error> =>
  Effect.suspend(() => {
    try {
      StandardOutput.write(Buffer.from(`${line}\n`))
      return Effect.void
    } catch (cause) {
      return cause instanceof StandardOutput.OutputClosed ? Effect.interrupt : Effect.fail(cause as Error)
    }
  })
