/** Journals of other edges, as this one hands them on. */
import { Effect } from "effect"
import { defaults } from "../../config/RelayDefaults.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Passed } from "../journal/Passed.ts"

/** With its NUL it has to fit. */
const nameBytesMax = 255

/** Links come back sooner. */
const idleInterval = "5 seconds"

/** What the relay is told: how the edge calls itself, and by which others it comes. */
export const nameOf = ({ passed }: Journal, edgeName: string): string => {
  if (passed === undefined) return edgeName
  const bytes = Buffer.from(`${passed.from} through ${edgeName}`)
  return bytes.length <= nameBytesMax ? bytes.toString() : passed.from
}

/** As long as the edge before is there, or there is something that the relay does not have. */
export const isWanted = ({ isFinished, last, received }: Journal, { isHere }: Passed): boolean =>
  isHere || isFinished || received < last

/**
 * Nothing need be told to the relay, until this is done. True: it has not made durable all that came, since the edge
 * before is gone in the middle of something, and that does not come again. It waits as long as a relay does that is
 * told nothing else.
 */
export const isGoneForGood = (passed: Passed, millisMax = defaults.suspendMillis): Effect.Effect<boolean> =>
  Effect.raceFirst(Effect.as(passed.here, false), Effect.as(Effect.sleep(millisMax), true))

/**
 * Done when the relay need not be told more: without the edge before the session is suspended there, as it would be
 * without this edge between.
 */
export const idle = (journal: Journal, passed: Passed): Effect.Effect<undefined> =>
  Effect.gen(function* () {
    let idleCount = 0
    while (idleCount < 2) {
      yield* Effect.sleep(idleInterval)
      idleCount = isWanted(journal, passed) ? 0 : idleCount + 1
    }
    return undefined
  })
