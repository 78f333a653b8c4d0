/** The real daemon with so few descriptors that it has to share them out. */
import { join } from "node:path"
import { Effect } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"

export interface Limited {
  readonly output: string
  readonly controlPort: number
  readonly dataPort: number
  readonly process: Process.Running
}

/** `ulimit -n` in a shell sets the hard limit, too: the runtime raises the soft one to it. */
export const start = (descriptorCountMax: number) =>
  Effect.gen(function* () {
    const home = yield* temporaryDirectory("limited")
    const output = join(home, "traces")
    const [controlPort, dataPort, livePort] = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
    const command = `umask 022; ulimit -n ${descriptorCountMax}; exec "$@"`
    const urls = ["-C", `tcp://127.0.0.1:${controlPort}`, "-D", `tcp://127.0.0.1:${dataPort}`]
    const live = ["-L", `tcp://127.0.0.1:${livePort}`]
    const running = yield* Process.daemon(
      "sh",
      ["-c", command, "sh", process.execPath, daemonProgram, "-o", output, ...urls, ...live],
      { cwd: home, env: { HOME: home, LTTNG_HOME: home, LTTNG_RUNDIR: join(home, "run") } }
    )
    yield* Process.until("the relay to listen", () => [controlPort, dataPort, livePort].every(Ports.listening))
    const limited: Limited = { output, controlPort, dataPort, process: running }
    return limited
  })
