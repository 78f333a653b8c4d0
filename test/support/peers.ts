/**
 * Which real peers this machine has, and what to do when one is missing.
 *
 * A missing peer skips a suite with the reason in its name; `LTTNG_PEERS=required` (set wherever the suites
 * are the proof of a release) turns the same absence into a failure.
 */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"

/** First executable of that name on PATH. */
export const find = (program: string): string | undefined => {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    try {
      const path = join(directory, program)
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this directory: look in the next.
    }
  }
  return undefined
}

export const tracing = ["lttng", "lttng-sessiond", "babeltrace2", "gcc", "unshare", "nsenter"] as const
export const reference = ["lttng-relayd", "unshare"] as const

export const describeWithPeers = (peers: ReadonlyArray<string>, name: string, body: () => void): void => {
  const missing = peers.filter((peer) => find(peer) === undefined)
  if (missing.length === 0) {
    describe(name, body)
    return
  }
  const reason = `not installed: ${missing.join(", ")}`
  if (process.env.LTTNG_PEERS === "required") {
    describe(name, () => {
      it("has its real peers", () => assert.fail(reason))
    })
    return
  }
  describe.skip(`${name} (${reason})`, body)
}
