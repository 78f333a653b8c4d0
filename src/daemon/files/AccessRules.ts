/** The access rules' file: read at the start, and again when it changes. */
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

/** A decoder's message in one line: it has a line for each fault, and below it, indented, where that is. */
const oneLine = (message: string): string => message.replaceAll(/\n\s+/g, " ").replaceAll("\n", "; ")

const decoded = (path: string): Effect.Effect<AccessFile, DaemonFailed> =>
  Effect.try({
    // Unknown and repeated members are refused: a misspelt one would be a rule that does not hold.
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

/** Reads the file and puts its rules in force; if it is no use, reports that and keeps the rules in force. */
const reload = (path: string, relay: Relay["Service"]): Effect.Effect<void> =>
  read(path).pipe(
    Effect.flatMap(relay.replaceAccess),
    Effect.andThen(Effect.logInfo("Access rules read again")),
    Effect.catch(({ message }) => report("ACCESS_FILE", message))
  )

/** Reports a broken file every day: told of once only, it might stay so until the next start fails. */
const warnDaily = (path: string): Effect.Effect<void> =>
  Effect.sleep("1 day").pipe(
    Effect.andThen(read(path)),
    Effect.catch(({ message }) => report("ACCESS_FILE", message)),
    Effect.forever
  )

/** Reads the rules again whenever the file changes, as long as the scope is open. */
export const watch = (path: string, relay: Relay["Service"]): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.forkScoped(warnDaily(path))
    yield* Watched.files([path], reload(path, relay))
  })
