#!/usr/bin/env node
/** The toolbox's entry. It loads nothing before it knows that the runtime is new enough to be told so. */

// The daemon's own need, `process.execve`, came with the same releases as running from the sources.
if (process.execve === undefined) {
  const newer = "https://nodejs.org/en/download, or `npm install --global node@24`"
  process.stderr.write(`Error: lttng-relay needs Node.js 22.19 or later, this is ${process.version} (${newer})\n`)
  process.exit(1)
}

const { enableCompileCache } = await import("node:module")
const { homedir } = await import("node:os")
// Not where the runtime would put it, in a directory that everybody can write to. Where there is none, all is compiled.
enableCompileCache(`${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/lttng-relay`)

const [subcommand, ...rest] = process.argv.slice(2)
const isDone = subcommand === "show" && (await import("../cli/Showing.ts")).attempt(rest)
if (!isDone) await (await import("../cli/Main.ts")).main()
