/** The toolbox as it is shipped, run as a process. */
import { toolboxProgram } from "./bundle.ts"
import * as Process from "./process.ts"

type Args = ReadonlyArray<string>

/** Runs to the end; the exit status is part of the value. */
export const attempt = (...args: Args) => Process.attempt(process.execPath, [toolboxProgram, ...args])

/** Runs to the end and insists on status 0. */
export const run = (...args: Args) => Process.run(process.execPath, [toolboxProgram, ...args])

/** Lives until the scope closes. */
export const start = (...args: Args) => Process.daemon(process.execPath, [toolboxProgram, ...args])
