/**
 * A relay's configuration from a `ConfigProvider`, for programs that embed it: by default environment variables
 * `LTTNG_RELAY_…`. Only `OUTPUT` is required.
 *
 * The daemon's own variables and options are others: `Environment.ts`, `Options.ts`.
 */
import { Config, Duration } from "effect"
import type { ListenAddress, RelayConfig } from "./RelayConfig.ts"
import { defaults } from "./RelayDefaults.ts"

/** An address from `NAME_HOST` and `NAME_PORT`. */
const address = (name: string, standard: ListenAddress): Config.Config<ListenAddress> =>
  Config.all({
    host: Config.NonEmptyString(`${name}_HOST`).pipe(Config.withDefault(standard.host)),
    port: Config.Int(`${name}_PORT`).pipe(Config.withDefault(standard.port))
  })

const bytes = (name: string, standard: number) =>
  Config.ByteSize(name).pipe(
    Config.map((size) => Number(size)),
    Config.withDefault(standard)
  )

const workers = Config.option(Config.Int("WORKERS")).pipe(
  Config.map((count) => (count._tag === "Some" ? count.value : undefined))
)

const millis = <const D extends number | undefined>(name: string, standard: D) =>
  Config.Duration(name).pipe(Config.map(Duration.toMillis), Config.withDefault(standard))

/**
 * Reads `LTTNG_RELAY_OUTPUT` and, with the same prefix, `CONTROL_HOST`, `CONTROL_PORT` and the same of `DATA` and
 * `LIVE`; `GROUPING` (`host`, `session`), `ALLOW_CLEAR`, `SINGLE_VIEWER`, `SYNC` (`none`, `close`, `always`),
 * `FD_POOL_SIZE`, `CONNECTION_COUNT_MAX`, `JOURNAL_COUNT_MAX`, `WORKERS`; `MEMORY_MAX` and `LIVE_CACHE` as sizes
 * (`64 MiB`); `STOP_TIMEOUT`, `SUSPEND` and `SOCKET_TIMEOUT` as durations (`5 seconds`). Values are checked when the
 * relay is built.
 */
export const config: Config.Config<RelayConfig> = Config.all({
  output: Config.String("OUTPUT"),
  control: address("CONTROL", defaults.control),
  data: address("DATA", defaults.data),
  live: address("LIVE", defaults.live),
  grouping: Config.Literals(["host", "session"], "GROUPING").pipe(Config.withDefault(defaults.grouping)),
  allowClear: Config.Boolean("ALLOW_CLEAR").pipe(Config.withDefault(defaults.allowClear)),
  singleViewer: Config.Boolean("SINGLE_VIEWER").pipe(Config.withDefault(defaults.singleViewer)),
  fdPoolSize: Config.Int("FD_POOL_SIZE").pipe(Config.withDefault(defaults.fdPoolSize)),
  connectionCountMax: Config.Int("CONNECTION_COUNT_MAX").pipe(Config.withDefault(defaults.connectionCountMax)),
  journalCountMax: Config.Int("JOURNAL_COUNT_MAX").pipe(Config.withDefault(defaults.journalCountMax)),
  workers,
  memoryBytesMax: bytes("MEMORY_MAX", defaults.memoryBytesMax),
  liveCacheBytes: bytes("LIVE_CACHE", defaults.liveCacheBytes),
  sync: Config.Literals(["none", "close", "always"], "SYNC").pipe(Config.withDefault(defaults.sync)),
  stopTimeoutMillis: millis("STOP_TIMEOUT", defaults.stopTimeoutMillis),
  suspendMillis: millis("SUSPEND", defaults.suspendMillis),
  socketTimeoutMillis: millis("SOCKET_TIMEOUT", defaults.socketTimeoutMillis)
}).pipe(
  Config.nested("LTTNG_RELAY"),
  Config.map((given) => ({ ...defaults, ...given }))
)
