/** Numbers and names as the report has them. Pure. */
import type { Kind } from "./Relay.ts"

/** Three digits that count, and thousands apart. */
export const number = (value: number): string => {
  if (!Number.isFinite(value)) return "–"
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en")
  return String(Number(value.toPrecision(3)))
}

const relays: Readonly<Record<Kind, string>> = {
  ours: "ours",
  reference: "lttng-relayd",
  running: "running relay",
  null: "null relay"
}

export const relay = (kind: Kind): string => relays[kind]
