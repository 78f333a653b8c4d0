/** All scenarios, in the order of the protocol. */
import type { Scenario } from "../scenario.ts"
import { version } from "./version.ts"

export const scenarios: ReadonlyArray<Scenario> = [...version]
