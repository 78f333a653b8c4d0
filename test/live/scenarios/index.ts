/** All scenarios: those that both relays answer alike, then those where ours is meant to differ. */
import type { Scenario } from "../scenario.ts"
import { endings } from "./endings.ts"
import { reading } from "./reading.ts"
import { rings } from "./rings.ts"
import { sessions } from "./sessions.ts"
import { streamsUnlike } from "./streamsUnlike.ts"
import { viewersUnlike } from "./viewersUnlike.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  ...sessions,
  ...reading,
  ...rings,
  ...endings,
  ...viewersUnlike,
  ...streamsUnlike
]
