/** LTTng's log levels, as they are printed. */
const names = [
  "TRACE_EMERG",
  "TRACE_ALERT",
  "TRACE_CRIT",
  "TRACE_ERR",
  "TRACE_WARNING",
  "TRACE_NOTICE",
  "TRACE_INFO",
  "TRACE_DEBUG_SYSTEM",
  "TRACE_DEBUG_PROGRAM",
  "TRACE_DEBUG_PROCESS",
  "TRACE_DEBUG_MODULE",
  "TRACE_DEBUG_UNIT",
  "TRACE_DEBUG_FUNCTION",
  "TRACE_DEBUG_LINE",
  "TRACE_DEBUG"
]

/** `TRACE_INFO (6)`; undefined for a number that is no log level. */
export const logLevelName = (level: bigint | undefined): string | undefined => {
  const name = level === undefined ? undefined : names[Number(level)]
  return name === undefined ? undefined : `${name} (${level})`
}

/** `INFO`; undefined for a number that is no log level. */
export const logLevelLabel = (level: bigint | undefined): string | undefined =>
  level === undefined ? undefined : names[Number(level)]?.slice("TRACE_".length)

/** What text and JSON call it. */
export const logLevelNames = (level: bigint | undefined): ReadonlyArray<string> => {
  const label = logLevelLabel(level)
  return label === undefined ? [] : [label, `TRACE_${label}`]
}
