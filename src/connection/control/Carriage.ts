/**
 * What an edge brings can wait: where rules or quotas are against it, until they are not any more. Who comes without an
 * edge is refused at once.
 */
import { Effect, Result } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import type { Peer } from "../../transport/Peer.ts"

/** An operator, or the end of another session, can change that. */
const passing: ReadonlySet<Code> = new Set(["SESSION_NOT_PERMITTED", "SESSION_QUOTA", "DISK_QUOTA"])

const againWait = "1 second"

/** What `asked` answers, when it does; fails with what will not change. */
export const admittedOr = <A>(
  { isCarried, waitsFor }: Pick<Peer, "isCarried" | "waitsFor">,
  asked: Effect.Effect<A, Incident>
): Effect.Effect<A, Incident> =>
  Effect.gen(function* () {
    while (true) {
      const answer = yield* Effect.result(asked)
      const why = Result.isFailure(answer) ? answer.failure : undefined
      const mayPass = isCarried === true && why !== undefined && passing.has(why.code)
      waitsFor?.(mayPass ? why : undefined)
      if (Result.isSuccess(answer)) return answer.success
      if (!mayPass) return yield* Effect.fail(answer.failure)
      // Nothing is made yet: its connection may end meanwhile.
      yield* Effect.interruptible(Effect.sleep(againWait))
    }
  })
