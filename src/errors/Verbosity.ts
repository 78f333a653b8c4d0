/** What is logged of all that may be, by how often `-v` was given, or what the operator's port was told since. */
import { LogLevel } from "effect"

const minimumLevel = (verbosity: number): LogLevel.LogLevel =>
  verbosity <= 0 ? "Warn" : verbosity === 1 ? "Debug" : "Trace"

/** Peers' commands come last. */
export const isSaid = (
  verbosity: number,
  level: LogLevel.LogLevel,
  annotations: Readonly<Record<string, unknown>>
): boolean =>
  LogLevel.isGreaterThanOrEqualTo(level, minimumLevel(verbosity)) &&
  (verbosity > 2 || level !== "Trace" || !("command" in annotations))
