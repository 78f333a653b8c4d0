/**
 * The health of the daemon's six components, as the health protocol counts it. Pure but for the given clock.
 *
 * A component is bad when it made no progress and did not wait between two queries that are more than `stallMillis`
 * apart. One event loop carries all six, so an answer at all shows that it turns; between two turns every component
 * waits, but for those a test has told to stall. One that fails ends the daemon.
 */
import { type Component, components } from "../config/Environment.ts"

/** The reference's value: its clients wait longer than this between two queries. */
export const stallMillis = 20_000

/** The function answers, for each query, a mask with a bit for each component in bad health. */
export const make = (nowMillis: () => number, stalled: ReadonlyArray<Component>): (() => bigint) => {
  const bits = components.reduce((mask, one, bit) => (stalled.includes(one) ? mask | (1n << BigInt(bit)) : mask), 0n)
  let sampledAt: number | undefined
  return () => {
    const now = nowMillis()
    if (sampledAt !== undefined && now - sampledAt <= stallMillis) return 0n
    const isCompared = sampledAt !== undefined
    sampledAt = now
    return isCompared ? bits : 0n
  }
}
