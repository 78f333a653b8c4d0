/** What one run gave. */
import type { GroupReport } from "./load.ts"

/** By name; the unit is the end of the name, `group.` its beginning where a group is meant. */
export type Metrics = Record<string, number>

export interface Measurement {
  readonly metrics: Metrics
  readonly timelines: Record<string, GroupReport["timeline"]>
  /** The relay's memory in MiB, every tenth of a second. */
  readonly memory: ReadonlyArray<number>
  readonly errors: ReadonlyArray<string>
}
