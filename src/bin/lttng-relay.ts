#!/usr/bin/env node
/** The toolbox's entry. It loads nothing before it knows that the runtime is new enough to be told so. */

// The daemon's own need, `process.execve`, came with the same releases as running from the sources.
if (process.execve === undefined) {
  const newer = "https://nodejs.org/en/download, or `npm install --global node@24`"
  process.stderr.write(`Error: lttng-relay needs Node.js 22.19 or later, this is ${process.version} (${newer})\n`)
  process.exit(1)
}

const { main } = await import("../cli/Main.ts")
main()
