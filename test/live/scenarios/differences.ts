/** Where ours is meant to answer something else than lttng-relayd 2.13.9, and why. */
import { type Scenario, scenario } from "../scenario.ts"

export const differences: ReadonlyArray<Scenario> = []
