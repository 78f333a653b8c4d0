/** The last report of an edge about itself, and how far it is behind according to that. */
import { Result } from "effect"
import { clockMillis } from "../../Machine.ts"
import * as EdgeReport from "../../protocol/journal/EdgeReport.ts"

export interface Said extends EdgeReport.EdgeReport {
  /** ms of the relay's clock. */
  readonly heardAt: number
}

/** Undefined: a later edge says more, or in another way. */
export const heard = (bytes: Uint8Array): Said | undefined => {
  const report = EdgeReport.decode(bytes)
  return Result.isSuccess(report) ? { ...report.success, heardAt: clockMillis() } : undefined
}

/** An edge that is connected says how it is every two seconds, behind what it brings. */
const silenceMillisMax = 10_000

/** An edge may claim any 64-bit number. */
export const countOf = (value: bigint): number => Math.min(Number(value), Number.MAX_SAFE_INTEGER)

/**
 * What tracers said, and the relay has not carried out: records, and how old the oldest is; 0: none. Of an edge that is
 * `connected` and was not heard for longer than it is silent nothing is taken just now: the session waits for room, a
 * right or its link, and since then what tracers say stays at the edge.
 */
export const lagOf = (
  { heardAt, lagMillis, last }: Pick<Said, "heardAt" | "lagMillis" | "last">,
  received: number,
  isConnected: boolean,
  now: number
) => {
  const lagRecordCount = Math.max(0, countOf(last) - received)
  const said = lagRecordCount === 0 ? 0 : countOf(lagMillis)
  const silentMillis = isConnected ? now - heardAt : 0
  return { lagRecordCount, lagMillis: silentMillis > silenceMillisMax ? said + Math.round(silentMillis) : said }
}
