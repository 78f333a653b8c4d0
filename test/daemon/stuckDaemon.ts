/** A daemon whose relay never finishes closing: what the stop timeout and the second signal are for. */
import { Effect } from "effect"
import { daemonDefaults } from "../../src/config/DaemonOptions.ts"
import * as Main from "../../src/daemon/Main.ts"
import * as StopSignals from "../../src/daemon/StopSignals.ts"

const bound = { host: "127.0.0.1", port: 1 }

const startRelay = () =>
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.logError("stuck"), Effect.never))
    return { addresses: { control: bound, data: bound, live: bound }, recorded: Effect.succeed([]) }
  })

const options = {
  ...daemonDefaults,
  runDirectory: process.env.RUN_DIRECTORY ?? "",
  relay: { ...daemonDefaults.relay, stopTimeoutMillis: Number(process.env.STOP_TIMEOUT_MILLIS) }
}

/** Nothing else keeps the process alive. */
setInterval(() => undefined, 1_000_000)
StopSignals.listen()
Main.main({ options, directory: "/", args: [], parentPid: process.ppid }, startRelay)
