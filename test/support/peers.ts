/**
 * Which real peers this machine has, and what to do when one is missing.
 *
 * A missing peer skips a suite with the reason in its name; `LTTNG_PEERS=required` (set wherever the suites
 * are the proof of a release) turns the same absence into a failure.
 */
import { spawnSync } from "node:child_process"
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

/** Root's daemons need mount namespaces of their own; some machines, and all other users, have none to give. */
const isolates = (): boolean => spawnSync("unshare", ["--mount", "true"]).status === 0

const absent = (peers: ReadonlyArray<string>): ReadonlyArray<string> => {
  const missing = peers.filter((peer) => find(peer) === undefined)
  return missing.length === 0 && peers.includes("unshare") && !isolates() ? ["the right to make namespaces"] : missing
}

type Body = () => void

/** Skipped, and says why, where a peer is missing. */
export const describeWithPeers = (peers: ReadonlyArray<string>, name: string, body: Body): void =>
  describeWith(peers, name, body, {})

/** The same for cases that mostly wait: some run at a time, so that each takes longer. */
export const describeConcurrently = (peers: ReadonlyArray<string>, name: string, body: Body): void =>
  describeWith(peers, name, body, { concurrent: true })

const describeWith = (
  peers: ReadonlyArray<string>,
  name: string,
  body: Body,
  options: { readonly concurrent?: boolean }
): void => {
  const missing = absent(peers)
  if (missing.length === 0) {
    describe(name, options, body)
    return
  }
  const reason = `not here: ${missing.join(", ")}`
  if (process.env.LTTNG_PEERS === "required") {
    describe(name, () => {
      it("has its real peers", () => assert.fail(reason))
    })
    return
  }
  describe.skip(`${name} (${reason})`, body)
}
