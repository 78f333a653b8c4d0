/**
 * What an edge brings can wait: where rules or quotas are against it, until they are not any more. Who comes without an
 * edge is refused at once.
 */
import { Effect } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import type { Peer } from "../../transport/Peer.ts"

/** An operator, or the end of another session, can change that. */
const passing: ReadonlySet<Code> = new Set(["SESSION_NOT_PERMITTED", "SESSION_QUOTA", "DISK_QUOTA"])

const againWait = "1 second"

/** Done when `refusal` answers nothing; fails with what will not change. */
export const admittedOr = (
  { isCarried, waitsFor }: Pick<Peer, "isCarried" | "waitsFor">,
  refusal: Effect.Effect<Incident | undefined>
): Effect.Effect<void, Incident> =>
  Effect.gen(function* () {
    while (true) {
      const why = yield* refusal
      const mayPass = isCarried === true && why !== undefined && passing.has(why.code)
      waitsFor?.(mayPass ? why : undefined)
      if (why === undefined) return
      if (!mayPass) return yield* Effect.fail(why)
      // Nothing is made yet: its connection may end meanwhile.
      yield* Effect.interruptible(Effect.sleep(againWait))
    }
  })
