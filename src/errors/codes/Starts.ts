/** Why the daemon does not start, or does not end in order. Their lines say all of it themselves: there is no text. */
import { type Entry, entry } from "./Entry.ts"

export const starts = {
  START_OPTION: entry(
    "error",
    "",
    "An option, a variable or a file of options has a value that cannot be: the line names it."
  ),
  START_OUTPUT: entry(
    "error",
    "",
    "The output cannot be made, its `.journals` cannot be read, or another relay has sessions of edges in it."
  ),
  START_PORT: entry(
    "error",
    "",
    "A port cannot be bound: the line names its option. In use: another relay runs there already, or take another port. A session daemon that was there first has 5345 for its agents. Or what a service manager handed over is no socket for it."
  ),
  START_FILE: entry(
    "error",
    "",
    "The working directory, pid file, run directory, health socket, token or a port file: the line has the reason."
  ),
  START_EXPORT: entry("error", "", "A variable of OpenTelemetry has a value that cannot be: the line names it."),
  START_PROCESS: entry(
    "error",
    "",
    "The system starts no process for the daemon, or lets it, or an edge, have too few threads or too little memory: the line says which."
  ),
  LOG_FILE: entry(
    "error",
    "",
    "The file of --log-file cannot be opened: lines go where they went before, at a start to standard error; with -d there is none, and the start fails. SIGUSR2 tries again."
  ),
  NOTIFY_FAILED: entry(
    "warning",
    "the service manager was not told",
    "It may take the relay for not ready, or for hung: look at NOTIFY_SOCKET, and for systemd-notify in PATH."
  ),
  STOP_LATE: entry("error", "", "Files were not closed within --stop-timeout: the disk hangs, or needs longer."),
  HEALTH_FAILED: entry("error", "", "A fault that LTTNG_TESTPOINT_ENABLE asks for: the relay ends.")
} as const satisfies Record<string, Entry>
