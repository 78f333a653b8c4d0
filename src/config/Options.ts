/**
 * The daemon's options as data: one row each, read by the command line, the INI files and `--help`.
 *
 * The order of the reference's rows is the order in which an ambiguous prefix lists its possibilities. Rows marked
 * `own` are additions; they never make a prefix of a reference option ambiguous.
 */

export interface Option {
  readonly name: string
  readonly short?: string
  /** The placeholder of its argument in `--help`; absent for a switch. */
  readonly argument?: string
  readonly help: string
  readonly own?: true
}

const rows = [
  {
    name: "control-port",
    short: "C",
    argument: "URL",
    help: "Listen here for control connections (default tcp://0.0.0.0:5342)"
  },
  {
    name: "data-port",
    short: "D",
    argument: "URL",
    help: "Listen here for data connections (default tcp://0.0.0.0:5343)"
  },
  {
    name: "live-port",
    short: "L",
    argument: "URL",
    help: "Listen here for live viewers (default tcp://localhost:5344)"
  },
  { name: "daemonize", short: "d", help: "Run as a daemon: return when ready, standard streams on /dev/null" },
  { name: "background", short: "b", help: "Run as a daemon, but keep standard output and error" },
  { name: "group", short: "g", argument: "NAME", help: "Group of the run directory, as root (default tracing)" },
  {
    name: "fd-pool-size",
    argument: "N",
    help: "Cap on open file descriptors, at least 100 (default: the soft limit less 10)"
  },
  { name: "help", short: "h", help: "Show this help" },
  {
    name: "output",
    short: "o",
    argument: "DIR",
    help: "Absolute path of the traces' directory (default $LTTNG_HOME/lttng-traces)"
  },
  { name: "verbose", short: "v", help: "More log lines on standard error; up to three times" },
  { name: "config", short: "f", argument: "PATH", help: "Read this INI file after the two default ones" },
  { name: "version", short: "V", help: "Show the version" },
  {
    name: "working-directory",
    short: "w",
    argument: "DIR",
    help: "Change to this directory (default: none; / when a daemon)"
  },
  { name: "group-output-by-session", short: "s", help: "Lay traces out as SESSION/HOST-…" },
  { name: "group-output-by-host", short: "p", help: "Lay traces out as HOST/SESSION-… (the default)" },
  { name: "disallow-clear", short: "x", help: "Refuse to clear sessions" },
  { name: "pid-file", short: "P", argument: "PATH", help: "Write the process id here; removed at exit" },
  { name: "sig-parent", short: "S", help: "Send SIGUSR1 to the parent process when ready" },
  { name: "dynamic-port-allocation", help: "Let the system choose every port that is missing or 0" },
  { name: "single-viewer", own: true, help: "Allow one viewer per session at a time" },
  {
    name: "max-connections",
    own: true,
    argument: "N",
    help: "Connections accepted at once over the three ports (default 4096)"
  },
  {
    name: "max-journals",
    own: true,
    argument: "N",
    help: "Sessions of edges (lttng-relay edge) kept at once, also of those that are gone (default 4096)"
  },
  {
    name: "memory-limit",
    own: true,
    argument: "SIZE",
    help: "Packet memory between sockets and files, at least 64k; suffixes k, M, G (default 64M)"
  },
  {
    name: "live-cache",
    own: true,
    argument: "SIZE",
    help: "Packets kept in memory for viewers; 0 for none (default 32M)"
  },
  {
    name: "stop-timeout",
    own: true,
    argument: "SECONDS",
    help: "Longest orderly stop before the process ends anyway (default 5)"
  },
  {
    name: "suspend",
    own: true,
    argument: "SECONDS",
    help: "How long sessions wait for an edge (lttng-relay edge) that is gone, at most 12 days; suffixes m, h, d (default a week)"
  },
  {
    name: "sync",
    own: true,
    argument: "WHEN",
    help: "none, close, interval:MS or always: what outlives the machine's power (default none)"
  },
  {
    name: "io-threads",
    own: true,
    argument: "N",
    help: "Threads for file operations, 1 to 1024 (default $UV_THREADPOOL_SIZE or 64)"
  },
  {
    name: "workers",
    own: true,
    argument: "N",
    help: "Threads that write files beside the event loop, 0 to 64; 0: no thread (default: the processors beyond two, at most 4)"
  },
  {
    name: "priority-boost",
    own: true,
    argument: "N",
    help: "Where it may, the relay takes this from its niceness, so that tracers wait less, 0 to 20 (default 10)"
  },
  {
    name: "http-port",
    own: true,
    argument: "URL",
    help: "Serve health, metrics and the API here: tcp://HOST[:PORT] (5345) or unix:///PATH (default: none)"
  },
  {
    name: "http-token-file",
    own: true,
    argument: "PATH",
    help: "The bearer token for the HTTP port: needed beyond loopback, and for every action"
  },
  {
    name: "http-hosts",
    own: true,
    argument: "NAMES",
    help: "Host names, with commas, by which the HTTP port may be asked besides localhost and loopback addresses"
  },
  {
    name: "access",
    own: true,
    argument: "PATH",
    help: "JSON file of who may record and view which sessions (default: everybody all)"
  },
  {
    name: "tls",
    own: true,
    argument: "MODE",
    help: "off, allow or require; or PORT=MODE,..., also behind one for the others (default: require with --tls-cert, else off; http=allow)"
  },
  { name: "tls-cert", own: true, argument: "PATH", help: "PEM file of the relay's certificate and those above it" },
  { name: "tls-key", own: true, argument: "PATH", help: "PEM file of its key (default: in the file of --tls-cert)" },
  {
    name: "tls-client-ca",
    own: true,
    argument: "PATH",
    help: "Let in only clients with a certificate of the authorities in this PEM file"
  },
  {
    name: "tls-crl",
    own: true,
    argument: "PATH",
    help: "PEM file of revocation lists, one of every authority of --tls-client-ca"
  },
  { name: "tls-min-version", own: true, argument: "VERSION", help: "1.2 or 1.3 (default 1.3)" },
  {
    name: "proxy-from",
    own: true,
    argument: "RANGES",
    help: "Connections from these addresses begin with a header of the PROXY protocol, version 2"
  },
  { name: "log-format", own: true, argument: "FORMAT", help: "text or json (default text)" },
  {
    name: "log-file",
    own: true,
    argument: "PATH",
    help: "Log lines go here instead of standard error; opened again on SIGUSR2 and SIGHUP"
  },
  {
    name: "check",
    own: true,
    help: "Say everything that would keep these options from working, and end: status 0 if nothing would"
  }
] as const satisfies ReadonlyArray<Option>

export type OptionName = (typeof rows)[number]["name"]

export const options: ReadonlyArray<Option & { readonly name: OptionName }> = rows

/** An option with its argument, and what `--help` says of it, in one line. */
export const usage = (name: OptionName): string => {
  const { argument, help: text } = options.find((option) => option.name === name) ?? { argument: undefined, help: "" }
  return `--${name}${argument === undefined ? "" : `=${argument}`}: ${text}`
}

const helpColumn = 32

const helpLine = (option: Option): string => {
  const long = `--${option.name}${option.argument === undefined ? "" : `=${option.argument}`}`
  const flags = `  ${option.short === undefined ? "    " : `-${option.short}, `}${long}`
  return flags.length < helpColumn
    ? flags.padEnd(helpColumn) + option.help
    : `${flags}\n${" ".repeat(helpColumn)}${option.help}`
}

/** The text of `--help`. */
export const help = (): string =>
  [
    "Usage: lttng-relayd [OPTION]...",
    "Record LTTng traces that arrive over the network, and serve them to live viewers.",
    "",
    ...options.filter((option) => option.own !== true).map(helpLine),
    "",
    "Not in the reference relay daemon:",
    ...options.filter((option) => option.own === true).map(helpLine),
    "",
    "URL: (tcp|tcp4|tcp6)://HOST[:PORT]; IPv6 addresses in brackets.",
    "Long options, except help, version, config and check, are also keys of the [relayd] section of",
    "/etc/lttng/lttng.conf and $LTTNG_HOME/.lttng/lttng.conf. Later wins: environment, these files,",
    "--config, command line.",
    "Stop with SIGTERM or SIGINT; a second one ends the process at once. SIGHUP reads the options again."
  ].join("\n")
