/** All scenarios, in the order of the protocol. */
import type { Scenario } from "../scenario.ts"
import { chunks } from "./chunks.ts"
import { failures } from "./failures.ts"
import { faultsOf, interruptedOnes } from "./faults.ts"
import { lifetimes } from "./lifetimes.ts"
import { packets } from "./packets.ts"
import { rotations } from "./rotations.ts"
import { sessions } from "./sessions.ts"
import { streams } from "./streams.ts"
import { taken } from "./taken.ts"
import { version } from "./version.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  ...version,
  ...sessions,
  ...streams,
  ...packets,
  ...rotations,
  ...chunks,
  ...lifetimes,
  ...failures,
  ...faultsOf(false),
  ...interruptedOnes,
  ...taken
]
