/** Whether a relay takes us, found out by a question: under TLS 1.3 a refusal comes in place of the first answer. */
import { Effect, type Scope } from "effect"
import * as Dial from "../transport/Dial.ts"
import { refusalOf, type TlsFailed } from "../transport/tls/DialTls.ts"
import type { Role } from "../transport/tls/Tls.ts"

export const asked = <A, E>(
  address: Dial.Address,
  role: Role,
  question: (link: Dial.Link) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E | Dial.DialFailed | TlsFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const link = yield* Dial.dial(address, role)
      const answered = yield* Effect.result(question(link))
      const isOver = yield* Effect.raceFirst(Effect.as(link.ended, true), Effect.succeed(false))
      if (isOver && address.tls !== undefined) return yield* refusalOf(`${role} of ${link.name}`, address.tls)
      return yield* Effect.fromResult(answered)
    })
  )
