/** A short form of `handshakes.ts`: strangers at a port with TLS leave nothing, and keep nobody else out. */
import { assert, it } from "@effect/vitest"
import { daemonProgram } from "../support/bundle.ts"
import * as Handshakes from "./handshakes.ts"

it("strangers at a port with TLS: bounded descriptors, memory and log, and an honest client is let in", async () => {
  const outcome = await Handshakes.run(daemonProgram, 3000)
  const { besideMs, descriptors, honestMs, logLines, plain, residentMiB, seconds } = outcome
  const shown = JSON.stringify(outcome)
  // One for each that is open at once, and as many that are not yet known to be gone.
  assert.isAtMost(descriptors.most, descriptors.before + 450, shown)
  assert.isAtMost(descriptors.after, descriptors.before, shown)
  assert.isAtMost(residentMiB.most, residentMiB.before + 100, shown)
  // Of each code one a second.
  assert.isAtMost(logLines, 10 + 2 * 2 * (seconds + 2), shown)
  assert.isAtLeast(honestMs.length, 3, shown)
  assert.isBelow(Math.max(...honestMs), 5000, shown)
  assert.isAtLeast(besideMs.length, 1, shown)
  assert.isAtLeast(plain.meanwhile.count, 20, shown)
  assert.isBelow(plain.meanwhile.p99, 1000, shown)
  assert.isBelow(Math.max(...besideMs), 5000, shown)
})
