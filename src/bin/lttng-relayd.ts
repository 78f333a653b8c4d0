#!/usr/bin/env node
/**
 * The daemon's entry: executes the first stage, which listens at once; then reads the options as launcher; then serves.
 *
 * The listener comes first: without one, SIGUSR1 would start the runtime's inspector.
 */
process.on("SIGUSR1", () => undefined)
// A tool that rotates logs may send this before there is a log.
process.on("SIGUSR2", () => undefined)

if (process.execve === undefined) {
  const newer = "https://nodejs.org/en/download, or `npm install --global node@26`"
  process.stderr.write(`Error: lttng-relayd needs Node.js 22.19 or later, this is ${process.version} (${newer})\n`)
  process.exit(1)
}

const { existsSync } = await import("node:fs")
const interpreter = "/usr/bin/perl"
const firstStage = `${import.meta.dirname}/lttng-relayd`
const options = process.argv.slice(2)
/**
 * True for options with which the first stage would not listen: the process ends at once, or another one goes on; and
 * for a word that is not UTF-8, which would not be handed on as it is.
 */
const isElsewhere = options.some((word) => /^-[dbVh]|^--(dae|bac|ver|help|conf)|\uFFFD/.test(word))
const isFirst = process.env.LTTNG_RELAYD_LISTENERS === undefined && process.env.LTTNG_RELAYD_HANDOVER === undefined
/** The service manager has given us sockets, which would not survive `execve`. */
const isActivated = process.env.LISTEN_PID === String(process.pid)
if (isFirst && !isActivated && !isElsewhere && existsSync(interpreter) && existsSync(firstStage)) {
  process.execve(interpreter, [interpreter, "-x", "--", firstStage, ...options], {
    ...process.env,
    PERL_BADLANG: "0",
    LTTNG_RELAYD_RUNTIME: process.execPath,
    LTTNG_RELAYD_RUNTIME_FLAGS: process.execArgv.join(" ")
  })
}

const { take } = await import("../daemon/launch/Handover.ts")
const StopSignals = await import("../daemon/StopSignals.ts")
const taken = take()
StopSignals.listenForHangups(taken?.isHangupDue === true)
const { main: launch } = await import("../daemon/launch/Launch.ts")
const handover = taken ?? (await launch(import.meta.filename))
if (typeof handover === "number") process.exit(handover)
StopSignals.listen()
const { main } = await import("../daemon/Main.ts")
const { startRelay } = await import("../daemon/RelayProcess.ts")
main(handover, startRelay)
