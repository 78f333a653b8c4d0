/** A copy of this command that goes on when this one is done: it says when it is ready, over a channel of its own. */
import { spawn } from "node:child_process"
import { Effect } from "effect"
import * as SystemError from "../../errors/SystemError.ts"
import { Failed } from "../Failed.ts"
import { status } from "../Misused.ts"

const ready = "ready"

/** Tells the process that started this copy, if one did, that it may return. */
export const announce: Effect.Effect<void> = Effect.sync(() => {
  if (process.send === undefined) return
  process.send(ready)
  process.disconnect()
})

/** Starts this command again, without `flag`; answers its pid once it is ready. It keeps the standard streams. */
export const start = (flag: string): Effect.Effect<number, Failed> =>
  Effect.callback((resume) => {
    // In neither form: a copy that found one would start another, without end.
    const args = process.argv.slice(1).filter((arg) => arg !== flag && !arg.startsWith(`${flag}=`))
    const copy = spawn(process.execPath, [...process.execArgv, ...args], {
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    const fail = (message: string) => resume(Effect.fail(new Failed({ message })))
    copy.once("error", (cause) => fail(SystemError.reasonOf(cause)))
    // With a status it has said why, on the same standard error: a second line would say less.
    copy.once("exit", (code, signal) => (signal ? fail(`killed by ${signal}`) : process.exit(code || status.failed)))
    copy.once("message", () => {
      copy.removeAllListeners("exit")
      copy.unref()
      resume(Effect.succeed(copy.pid ?? 0))
    })
  })
