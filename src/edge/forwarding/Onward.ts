/** Journals of other edges, as this one hands them on. */
import { Effect } from "effect"
import { defaults } from "../../config/RelayDefaults.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Passed } from "../journal/Passed.ts"

/** Longest list of names, so that it fits with its NUL. */
const nameBytesMax = 255

/** A link that comes back does so sooner. */
const idleInterval = "5 seconds"

/** What the relay is told: how the edge calls itself, and by which others it comes. */
export const nameOf = ({ passed }: Journal, edgeName: string): string => {
  if (passed === undefined) return edgeName
  const bytes = Buffer.from(`${passed.from} through ${edgeName}`)
  return bytes.length <= nameBytesMax ? bytes.toString() : passed.from
}

/** Whether to be connected to the relay: the edge before is there, or the relay does not have all of it. */
export const isWanted = ({ isFinished, last, received }: Journal, { isHere }: Passed): boolean =>
  isHere || isFinished || received < last

/**
 * Waits for the edge before, as long as a relay waits for an edge unless told otherwise. True: it has not come back.
 * Until then a relay that has not made all durable, since that edge left in the middle of something, is told nothing.
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
