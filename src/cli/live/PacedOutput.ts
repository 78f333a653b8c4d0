/** Bytes to the standard output at the pace of whoever reads them, while the loop goes on. */
import { Effect, Schema } from "effect"
import * as SystemError from "../../errors/SystemError.ts"
import * as StandardOutput from "../StandardOutput.ts"

/** Nobody reads any more: `| head`. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {}

export class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { reason: Schema.String }) {
  override get message(): string {
    return StandardOutput.failureText(StandardOutput.standardOutput, this.reason)
  }
}

const failureOf = (cause: NodeJS.ErrnoException): OutputClosed | OutputFailed =>
  cause.code === "EPIPE" ? new OutputClosed() : new OutputFailed({ reason: SystemError.reasonOf(cause) })

/** Writes the bytes, which may be used again afterwards. */
export const write = (bytes: Uint8Array): Effect.Effect<void, OutputClosed | OutputFailed> =>
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
