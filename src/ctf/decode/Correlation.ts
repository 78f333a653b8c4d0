/** Whether the clocks of several streams count from one origin, so that their times can be compared (§7.4). */
import type { ClockClass, TraceClass } from "../model/TraceClass.ts"

export interface ClockOf {
  readonly clock: ClockClass
  readonly trace: TraceClass
}

export type Correlation = "same" | "unknown" | "different"

const key = ({ origin, uid }: ClockClass): string => {
  if (origin === "unix-epoch") return "epoch"
  if (origin !== undefined) return JSON.stringify(["origin", origin.namespace, origin.name, origin.uid])
  return uid === undefined ? "" : JSON.stringify(["clock", uid])
}

/** `unknown`: clocks of several traces that have neither an origin nor a UID. */
export const correlate = (clocks: ReadonlyArray<ClockOf>): Correlation => {
  const [first] = clocks
  if (first === undefined) return "same"
  if (clocks.some(({ clock }) => key(clock) !== key(first.clock))) return "different"
  if (key(first.clock) !== "" || clocks.every(({ clock }) => clock === first.clock)) return "same"
  const ofTrace = new Map<TraceClass, ClockClass>()
  for (const { clock, trace } of clocks) {
    const other = ofTrace.get(trace)
    if (other !== undefined && other !== clock) return "different"
    ofTrace.set(trace, clock)
  }
  return "unknown"
}
