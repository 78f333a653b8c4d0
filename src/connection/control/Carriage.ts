/**
 * What an edge brings can wait until rules or quotas that are against it change. A peer that comes without an edge is
 * refused at once.
 */
import { Effect, Result } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import type { Peer } from "../../transport/Peer.ts"

/** Refusals that an operator, or the end of another session, can change. */
const passing: ReadonlySet<Code> = new Set(["SESSION_NOT_PERMITTED", "SESSION_QUOTA", "DISK_QUOTA"])

const againWait = "1 second"

/** Asks until `asked` succeeds, if the peer is carried by an edge; fails with a refusal that will not change. */
export const admittedOr = <A>(
  { carried }: Pick<Peer, "carried">,
  asked: Effect.Effect<A, Incident>
): Effect.Effect<A, Incident> =>
  Effect.gen(function* () {
    while (true) {
      const answer = yield* Effect.result(asked)
      const why = Result.isFailure(answer) ? answer.failure : undefined
      const mayPass = carried !== undefined && why !== undefined && passing.has(why.code)
      carried?.waitsFor(mayPass ? why : undefined)
      if (Result.isSuccess(answer)) return answer.success
      if (!mayPass) return yield* Effect.fail(answer.failure)
      // Nothing has been made yet, so the end of the connection may interrupt the wait.
      yield* Effect.interruptible(Effect.sleep(againWait))
    }
  })
