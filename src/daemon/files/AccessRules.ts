/** The rules for access out of their file: read at the start, and again when it changes. */
import { Effect, Schema, type Scope } from "effect"
import { AccessFile } from "../../access/Access.ts"
import * as Twice from "../../access/Twice.ts"
import * as TextFile from "../../config/TextFile.ts"
import { report } from "../../errors/Report.ts"
import * as SystemError from "../../errors/SystemError.ts"
import type { Relay } from "../../Relay.ts"
import { DaemonFailed } from "../DaemonFailed.ts"
import * as Refused from "./Refused.ts"
import * as Watched from "./Watched.ts"

const decode = Schema.decodeUnknownSync(AccessFile)

/** What is wrong with each member; where it is stands below it, further in. */
const oneLine = (message: string): string => message.replaceAll(/\n\s+/g, " ").replaceAll("\n", "; ")

const decoded = (path: string): Effect.Effect<AccessFile, DaemonFailed> =>
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
        message: `The access file ${path} is no use: ${oneLine(SystemError.reasonOf(cause))}`
      })
  })

export const read = (path: string): Effect.Effect<AccessFile, DaemonFailed> => Refused.noted("access", decoded(path))

/** For SIGHUP: from now on what is in the file counts, if it can be used. */
const reload = (path: string, relay: Relay["Service"]): Effect.Effect<void> =>
  read(path).pipe(
    Effect.flatMap(relay.replaceAccess),
    Effect.andThen(Effect.logInfo("Access rules read again")),
    Effect.catch(({ message }) => report("ACCESS_FILE", message))
  )

/** A file that was broken once and told of once would stay so, and the next start fail. */
const warnDaily = (path: string): Effect.Effect<void> =>
  Effect.sleep("1 day").pipe(
    Effect.andThen(read(path)),
    Effect.catch(({ message }) => report("ACCESS_FILE", message)),
    Effect.forever
  )

/** Reads them again whenever they change, as long as the scope is open. */
export const watch = (path: string, relay: Relay["Service"]): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.forkScoped(warnDaily(path))
    yield* Watched.files([path], reload(path, relay))
  })
