#!/usr/bin/env node
/** The toolbox's entry. It loads nothing large before it knows that the runtime is new enough to be told so. */

import { outlive } from "../cli/Hangup.ts"

// Without a listener it would start the runtime's inspector, a port through which others could run code here.
process.on("SIGUSR1", () => undefined)

// The daemon's own need, `process.execve`, came with the same releases as running from the sources.
if (process.execve === undefined) {
  const newer = "https://nodejs.org/en/download, or `npm install --global node@26`"
  process.stderr.write(`Error: lttng-relay needs Node.js 22.19 or later, this is ${process.version} (${newer})\n`)
  process.exit(1)
}

const [subcommand, ...rest] = process.argv.slice(2)

outlive()

// An edge runs for long beside what it traces: as the daemon, it begins again with little room for garbage, and gives
// back what was freed. One compiler less is ten MiB less, and no slower. Sockets of a service manager would not outlive
// that: with them the process goes on with as much of it as the runtime still takes, and the unit has the rest.
const isEdge = subcommand === "edge" && rest[0] !== "status"
const edgeFlags = [
  "--max-semi-space-size=2",
  "--semi-space-growth-factor=1",
  // Of garbage that has grown old, a third of what lives.
  "--initial-old-space-size=16",
  "--heap-growing-percent=30",
  // What is said again and again is short: compiled into one another it is compiled for longer than it runs for less.
  "--no-maglev",
  "--max-inlined-bytecode-size-cumulative=60"
]
const isBegun = edgeFlags.every((flag) => process.execArgv.includes(flag))
const isActivated = process.env.LISTEN_PID === String(process.pid)
if (isEdge && isActivated) {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8")
  for (const flag of edgeFlags) setFlagsFromString(flag)
} else if (isEdge && !isBegun) {
  const flags = [...edgeFlags, "--disable-sigusr1", ...process.execArgv]
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], {
    ...process.env,
    MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "2",
    MALLOC_TRIM_THRESHOLD_: process.env.MALLOC_TRIM_THRESHOLD_ ?? "65536",
    UV_USE_IO_URING: process.env.UV_USE_IO_URING ?? "1"
  })
}

// A recording is over soon: counts of how code is used that begin late cost more than they bring. So does the last
// compiler for what is called less often than there are records in a small trace, and the one before it for what only
// reads metadata, or where it puts much into one function. What the cache keeps is all of the code, whatever was asked
// first.
if (subcommand === "show") {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8")
  const tiers = [
    "--no-lazy-feedback-allocation",
    "--invocation-count-for-maglev=1500",
    "--invocation-count-for-turbofan=300000",
    "--max-maglev-inlined-bytecode-size-cumulative=300"
  ]
  for (const flag of [...tiers, "--no-lazy"]) setFlagsFromString(flag)
}

const { enableCompileCache } = process.getBuiltinModule("node:module")
const { homedir } = process.getBuiltinModule("node:os")
// Not where the runtime would put it, in a directory that everybody can write to. Where there is none, all is compiled.
enableCompileCache(`${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/lttng-relay`)

const isDone = subcommand === "show" && (await import("../cli/recorded/Showing.ts")).attempt(rest)
// All is written. Compilers that are not done yet, and giving back the memory, are nobody's concern.
if (isDone) process.exit()
await (await import("../cli/Main.ts")).main()
