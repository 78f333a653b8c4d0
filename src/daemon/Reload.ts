/**
 * Options that are read again while the relay runs: which of them can change, and what to do with them.
 *
 * All or nothing: if anything has changed that needs a restart, or cannot be read, everything stays as it was, and the
 * refusal names it.
 */
import { Effect, Semaphore } from "effect"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import type { ListenAddress } from "../config/RelayConfig.ts"
import { type Reloaded, ReloadRefused } from "../config/Reloaded.ts"
import * as Resolve from "../config/Resolve.ts"
import { report } from "../errors/Report.ts"
import type { Limits } from "../Relay.ts"

type Read = (options: DaemonOptions) => unknown

/** A port's address, without the socket that was inherited for it. */
const place = ({ family, host, port }: ListenAddress) => [family, host, port]

/** Options that can change while the relay runs, by name. */
export const changeable: Readonly<Record<string, Read>> = {
  verbose: ({ verbosity }) => verbosity,
  "log-format": ({ logFormat }) => logFormat,
  "log-file": ({ logFile }) => logFile,
  "max-connections": ({ relay }) => relay.connectionCountMax,
  "max-journals": ({ relay }) => relay.journalCountMax,
  "memory-limit": ({ relay }) => relay.memoryBytesMax,
  "stop-timeout": ({ relay }) => relay.stopTimeoutMillis,
  "single-viewer": ({ relay }) => relay.singleViewer,
  "disallow-clear": ({ relay }) => relay.allowClear,
  "http-token-file": ({ httpTokenFile }) => httpTokenFile,
  "http-hosts": ({ httpHosts }) => httpHosts
}

/** Options that need a restart, by name. */
export const fixed: Readonly<Record<string, Read>> = {
  "control-port": ({ relay }) => place(relay.control),
  "data-port": ({ relay }) => place(relay.data),
  "live-port": ({ relay }) => place(relay.live),
  daemonize: ({ mode }) => mode === "daemonize",
  background: ({ mode }) => mode === "background",
  group: ({ group }) => group,
  "fd-pool-size": ({ relay }) => relay.fdPoolSize,
  output: ({ relay }) => relay.output,
  "working-directory": ({ workingDirectory }) => workingDirectory,
  "group-output-by-session": ({ relay }) => relay.grouping === "session",
  // It is the opposite of the option before.
  "group-output-by-host": () => undefined,
  "pid-file": ({ pidFile }) => pidFile,
  "sig-parent": ({ sigParent }) => sigParent,
  sync: ({ relay }) => relay.sync,
  suspend: ({ relay }) => relay.suspendMillis,
  "live-cache": ({ relay }) => relay.liveCacheBytes,
  access: ({ access }) => access,
  tls: ({ tls }) => tls && [tls.control, tls.data, tls.live, tls.http],
  "tls-cert": ({ tls }) => tls?.certificate,
  "tls-key": ({ tls }) => tls?.key,
  "tls-client-ca": ({ tls }) => tls?.clientCa,
  "tls-crl": ({ tls }) => tls?.crl,
  "tls-min-version": ({ tls }) => tls?.minVersion,
  "proxy-from": ({ relay }) => relay.proxyFrom,
  "io-threads": ({ ioThreads }) => ioThreads,
  workers: ({ relay }) => relay.workers,
  "priority-boost": ({ priorityBoost }) => priorityBoost,
  "http-port": ({ httpPort }) => httpPort
}

const changedAmong = (picks: Readonly<Record<string, Read>>, before: DaemonOptions, after: DaemonOptions) =>
  Object.entries(picks)
    .filter(([, pick]) => JSON.stringify(pick(before)) !== JSON.stringify(pick(after)))
    .map(([name]) => name)

export const differences = (before: DaemonOptions, after: DaemonOptions) => ({
  changed: changedAmong(changeable, before, after),
  needRestart: changedAmong(fixed, before, after)
})

export const limitsOf = ({ relay }: DaemonOptions): Limits => {
  const { allowClear, connectionCountMax, journalCountMax, memoryBytesMax, singleViewer, stopTimeoutMillis } = relay
  return { allowClear, connectionCountMax, journalCountMax, memoryBytesMax, singleViewer, stopTimeoutMillis }
}

export interface Target {
  /** The directory where the daemon was started: relative paths start there. */
  readonly directory: string
  readonly args: ReadonlyArray<string>
  /** The options in force. */
  readonly options: () => DaemonOptions
  /** Puts the options in force, or fails and has changed nothing. */
  readonly apply: (options: DaemonOptions) => Effect.Effect<void, ReloadRefused>
}

const refused = (reasons: ReadonlyArray<string>) => new ReloadRefused({ reasons })

const reread = ({ apply, args, directory, options }: Target): Effect.Effect<Reloaded, ReloadRefused> =>
  Effect.gen(function* () {
    const resolved = yield* Effect.promise(() => Resolve.resolve(Resolve.system(directory, args)))
    const complaints = resolved.messages.filter(({ level }) => level === "error").map(({ text }) => text)
    if (resolved._tag !== "Run" || complaints.length > 0) return yield* refused(complaints)
    const { changed, needRestart } = differences(options(), resolved.options)
    if (needRestart.length > 0) {
      return yield* refused(needRestart.map((name) => `${name} has changed, which needs a restart`))
    }
    yield* apply(resolved.options)
    for (const { text } of resolved.messages) yield* Effect.logWarning(text)
    return { changed }
  })

/**
 * Reloads, and logs the outcome. Reloads run one at a time, so what was read last is in force. They cannot be
 * interrupted if whoever asked is gone: only a part would be in force, and a log file stay open that nobody writes.
 */
export const make = (target: Target): Effect.Effect<Reloaded, ReloadRefused> =>
  Semaphore.withPermits(
    Semaphore.makeUnsafe(1),
    1
  )(reread(target)).pipe(
    Effect.tap(({ changed }) =>
      Effect.logInfo(`configuration read again; changed: ${changed.join(", ") || "nothing"}`)
    ),
    Effect.tapError(({ reasons }) => report("CONFIGURATION_REFUSED", reasons.join("; "))),
    Effect.uninterruptible
  )
