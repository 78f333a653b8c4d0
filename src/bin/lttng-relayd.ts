#!/usr/bin/env node
/**
 * The daemon's entry: reads the options as launcher, or serves when a launcher has handed them over.
 *
 * The listener comes first: without one, SIGUSR1 would start the runtime's inspector.
 */
process.on("SIGUSR1", () => undefined)

if (process.execve === undefined) {
  process.stderr.write(`Error: lttng-relayd needs Node.js 22.19 or later, this is ${process.version}\n`)
  process.exit(1)
}

const { take } = await import("../daemon/Handover.ts")
const handover = take()
if (handover === undefined) {
  const { main } = await import("../daemon/Launch.ts")
  process.exit(await main(import.meta.filename))
} else {
  const { main } = await import("../daemon/Main.ts")
  const { startRelay } = await import("../daemon/RelayProcess.ts")
  main(handover, startRelay)
}
