/** Bytes to the standard output at the pace of whoever reads them, while the loop goes on. */
import { Effect, Schema } from "effect"
import * as SystemError from "../../errors/SystemError.ts"
import { Failed } from "../Failed.ts"
import * as StandardOutput from "../StandardOutput.ts"

/** Nobody reads any more: `| head`. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {}

const failureOf = (cause: NodeJS.ErrnoException): OutputClosed | Failed => {
  if (cause.code === "EPIPE") return new OutputClosed()
  return new Failed({
    message: StandardOutput.failureText(StandardOutput.standardOutput, SystemError.reasonOf(cause))
  })
}

/** Writes the bytes, which may be used again afterwards. */
export const write = (bytes: Uint8Array): Effect.Effect<void, OutputClosed | Failed> =>
  Effect.callback((resume) => {
    const { stdout } = process
    const onError = (cause: NodeJS.ErrnoException) => resume(Effect.fail(failureOf(cause)))
    stdout.once("error", onError)
    stdout.write(bytes, (cause) => {
      if (cause === null || cause === undefined) {
        stdout.off("error", onError)
        resume(Effect.void)
      } else {
        resume(Effect.fail(failureOf(cause)))
      }
    })
  })
