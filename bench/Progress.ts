/**
 * What is said while it runs, on standard error, and the result on standard output. When nobody reads any more the
 * run ends as by Ctrl-C: what it started is ended, what it made is removed.
 */
import { writeSync } from "node:fs"
import { Effect } from "effect"

const write = (descriptor: number, line: string) =>
  Effect.suspend(() => {
    try {
      writeSync(descriptor, `${line}\n`)
      return Effect.void
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      // A full pipe, or a full disk: a line less.
      return code === "EPIPE" ? Effect.interrupt : Effect.void
    }
  })

export const say = (line: string): Effect.Effect<void> => write(2, line)
export const print = (line: string): Effect.Effect<void> => write(1, line)
