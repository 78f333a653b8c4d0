/** The rules for access out of their file: read at the start, and again when it changes. */
import { Effect, Schema, type Scope } from "effect"
import { AccessFile } from "../../access/Access.ts"
import * as Twice from "../../access/Twice.ts"
import * as TextFile from "../../config/TextFile.ts"
import { report } from "../../errors/Report.ts"
import type { Relay } from "../../Relay.ts"
import { DaemonFailed } from "../DaemonFailed.ts"
import * as Watched from "./Watched.ts"

const decode = Schema.decodeUnknownSync(AccessFile)

export const read = (path: string): Effect.Effect<AccessFile, DaemonFailed> =>
  Effect.try({
    // A member that is written wrong would be a rule that is not there.
    try: () => {
      const text = TextFile.textOf(path)
      const value: unknown = JSON.parse(text)
      const twice = Twice.memberIn(text)
      if (twice !== undefined) throw new Error(`"${twice}" is there twice in one object: only the last would count`)
      return decode(value, { errors: "all", onExcessProperty: "error" })
    },
    catch: (cause) =>
      new DaemonFailed({
        code: "START_FILE",
        message: `The access file ${path} is no use: ${(cause as Error).message.replaceAll(/\s*\n\s*/g, " ")}`
      })
  })

/** For SIGHUP: from now on what is in the file counts, if it can be used. */
const reload = (path: string, relay: Relay["Service"]): Effect.Effect<void> =>
  read(path).pipe(
    Effect.flatMap(relay.replaceAccess),
    Effect.andThen(Effect.logInfo("Access rules read again")),
    Effect.catch(({ message }) => report("ACCESS_FILE", message))
  )

export const watch = (path: string, relay: Relay["Service"]): Effect.Effect<void, never, Scope.Scope> =>
  Watched.files([path], reload(path, relay))
