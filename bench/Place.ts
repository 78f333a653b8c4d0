/** Where things are: in a checkout, whose programs run as they are, or in the package, where they are built. */
import { existsSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const isBuilt = !import.meta.url.endsWith(".ts")

/** The package's directory. */
export const root = path.resolve(import.meta.dirname, isBuilt ? "../.." : "..")

/** A checkout has to be built before its relay runs. */
export const isCheckout = !isBuilt

/** A program of the benchmark, as arguments of this runtime. */
export const program = (name: "FloodProgram" | "HostileProgram" | "LinkProgram" | "RelayProgram" | "portable/main") =>
  path.join(import.meta.dirname, isBuilt ? `${path.basename(name)}.js` : `${name}.ts`)

export const cases = path.join(root, "bench/cases")
export const native = path.join(root, "bench/native")
export const tracer = path.join(root, "bench/tracer")

/** `BENCH_RELAYD` names other bundled commands, such as those of the test suite. */
export const oursEntry = process.env.BENCH_RELAYD ?? path.join(root, "dist/bin/lttng-relayd.js")

/** The toolbox beside it. */
export const toolbox = path.join(path.dirname(oursEntry), "lttng-relay.js")

/** Where reports go if nothing else is said. */
export const results = path.join(isBuilt ? process.cwd() : import.meta.dirname, isBuilt ? "bench-results" : "results")

/** Where relays write if nothing else is said: no disk, if the machine has another place. */
export const memory = existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()
