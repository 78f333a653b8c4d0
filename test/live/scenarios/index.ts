/** All scenarios: those that both relays answer alike, then those where ours is meant to differ. */
import type { Scenario } from "../scenario.ts"
import { differences } from "./differences.ts"
import { endings } from "./endings.ts"
import { reading } from "./reading.ts"
import { rings } from "./rings.ts"
import { sessions } from "./sessions.ts"

export const scenarios: ReadonlyArray<Scenario> = [...sessions, ...reading, ...rings, ...endings, ...differences]
