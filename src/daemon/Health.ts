/**
 * The health of the daemon's six components, as the health protocol counts them. Pure but for the given clock.
 *
 * A component is bad when it failed, or when it made no progress and did not wait between two queries that are more
 * than `stallMillis` apart. One event loop carries all six, so an answer at all shows that it turns; between two
 * turns every component waits, but for those a test has told to stall.
 */
import { type Component, components } from "../config/Environment.ts"

/** The reference's figure: its clients wait longer than this between two queries. */
export const stallMillis = 20_000

export interface Health {
  /** The bits of the components in bad health. */
  readonly query: () => bigint
  readonly fail: (component: Component) => void
}

interface State {
  /** Odd while waiting. */
  readonly progress: number
  sampled: { readonly atMillis: number; readonly progress: number } | undefined
  failed: boolean
}

/** Bad at this query; also keeps the sample for a later one. */
const isBad = (state: State, nowMillis: number): boolean => {
  const { sampled, progress } = state
  if (sampled !== undefined && nowMillis - sampled.atMillis <= stallMillis) return state.failed
  state.sampled = { atMillis: nowMillis, progress }
  const stalled = sampled !== undefined && sampled.progress === progress && progress % 2 === 0
  return stalled || state.failed
}

const waiting = 1
const working = 2

export const make = (nowMillis: () => number, stalled: ReadonlyArray<Component>): Health => {
  const states = new Map<Component, State>(
    components.map((component) => [
      component,
      { progress: stalled.includes(component) ? working : waiting, sampled: undefined, failed: false }
    ])
  )
  return {
    query: () => {
      const now = nowMillis()
      let mask = 0n
      components.forEach((component, bit) => {
        const state = states.get(component)
        if (state !== undefined && isBad(state, now)) mask |= 1n << BigInt(bit)
      })
      return mask
    },
    fail: (component) => {
      const state = states.get(component)
      if (state !== undefined) state.failed = true
    }
  }
}
