#!/usr/bin/env node
/** The toolbox's entry. It loads nothing large before it knows that the runtime is new enough. */

import { outlive } from "../cli/Hangup.ts"

const [subcommand, ...rest] = process.argv.slice(2)

// Without a listener it would start the runtime's inspector, a port through which others could run code here.
process.on("SIGUSR1", () => undefined)
// With it a relay's log is rotated. What runs beside the relay, and holds sessions, should not end of it.
if (subcommand === "edge" || subcommand === "tunnel") process.on("SIGUSR2", () => undefined)

// The daemon's own need, `process.execve`, came with the same releases as running from the sources.
if (process.execve === undefined) {
  const newer = "https://nodejs.org/en/download, or `npm install --global node@26`"
  process.stderr.write(`Error: lttng-relay needs Node.js 22.19 or later, this is ${process.version} (${newer})\n`)
  process.exit(1)
}

outlive()

// An edge runs for long beside what it traces. So, as the daemon does, it executes itself again with little room for
// garbage, and gives freed memory back; without one of the compilers it is 10 MiB smaller and no slower. Sockets of a
// service manager would not survive that: with them the process keeps running, with the flags that the runtime still
// accepts, and the unit's file gives the rest.
const isEdge = subcommand === "edge" && rest[0] !== "status"
const edgeFlags = [
  "--max-semi-space-size=2",
  "--semi-space-growth-factor=1",
  // Old garbage may grow to about a third of what lives.
  "--initial-old-space-size=16",
  "--heap-growing-percent=30",
  // The functions that run again and again are short: inlining them costs more compilation than it saves.
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

// Reading a recording is over soon: to begin late with counting how code is used costs more than it brings. So does the
// last compiler for functions that are called less often than a small trace has records, and the one before it for
// code that only reads metadata, or where it inlines much. `--no-lazy` puts all code into the cache, whatever was
// asked first. Reading thousands of streams or traces makes much that stays, and each time the young generation would
// grow, up to 100 MiB, for records that leave nothing there.
if (subcommand === "show") {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8")
  const tiers = [
    "--no-lazy-feedback-allocation",
    "--invocation-count-for-maglev=1500",
    "--invocation-count-for-turbofan=300000",
    "--max-maglev-inlined-bytecode-size-cumulative=300",
    "--semi-space-growth-factor=1"
  ]
  for (const flag of [...tiers, "--no-lazy"]) setFlagsFromString(flag)
}

const { enableCompileCache } = process.getBuiltinModule("node:module")
const { homedir } = process.getBuiltinModule("node:os")

// The runtime would put it in a directory that everybody can write to. If there can be no cache, all is compiled.
try {
  enableCompileCache(`${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/lttng-relay`)
} catch {
  // Without HOME there is no home directory of a user that is in no database, as those of containers.
}

try {
  const isDone = subcommand === "show" && (await import("../cli/recorded/Showing.ts")).attempt(rest)
  // All output is written: there is no need to wait for compilers, nor to give back memory.
  if (isDone) process.exit()
  await (await import("../cli/Main.ts")).main()
} catch (cause) {
  // With a few descriptors fewer the runtime itself does not come so far.
  if ((cause as NodeJS.ErrnoException).code !== "EMFILE") throw cause
  process.stderr.write("Error: the limit of open files (ulimit -n) is too low to load the program\n")
  process.exit(1)
}
