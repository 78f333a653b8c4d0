/** `lttng-relay edge --check`: what would be wrong with a start, without starting. Nothing is made or written. */
import { Console, Effect, Result, Schema } from "effect"
import { greet } from "../../edge/forwarding/Greeting.ts"
import * as Dial from "../../transport/Dial.ts"
import * as FreePort from "../../transport/FreePort.ts"
import * as EdgeSpool from "./EdgeSpool.ts"

export interface Wanted {
  readonly to: Dial.Address
  readonly spool: string
  readonly spoolLimit: number
  /** Ports to listen on, by name. */
  readonly ports: ReadonlyArray<{ readonly name: string; readonly host: string; readonly port: number }>
}

/** What was found was said. */
export class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", { count: Schema.Int }) {
  override get message(): string {
    return `${this.count} of them would keep it from starting`
  }
}

const refusal = ({ host, name, port }: Wanted["ports"][number]): Effect.Effect<string | undefined> =>
  Effect.map(
    FreePort.refusal(host, port),
    (reason) => reason && `the ${name} port ${host}:${port} is not to be had: ${reason}`
  )

/** That it is away for a while is what an edge is for. */
const relayWarning = (to: Dial.Address): Effect.Effect<string | undefined> =>
  Effect.map(Effect.result(Effect.scoped(Effect.flatMap(Dial.dial(to, "control"), greet))), (greeted) => {
    if (Result.isFailure(greeted)) return `the relay does not answer: ${greeted.failure.message}`
    const { hasChunks, takesJournals } = greeted.success
    if (!hasChunks) return "the relay has no trace chunks: no rotations, no clear; a lost link ends sessions there"
    return takesJournals ? undefined : "the relay takes no journals: a lost link ends sessions there"
  })

export const check = (wanted: Wanted): Effect.Effect<void, CheckFailed> =>
  Effect.gen(function* () {
    const { errors: spoolErrors, warnings: spoolWarnings } = yield* EdgeSpool.complaintsOf(
      wanted.spool,
      wanted.spoolLimit
    )
    const refusals = yield* Effect.forEach(wanted.ports, refusal)
    const errors = [...spoolErrors, ...refusals.filter((reason) => reason !== undefined)]
    const warning = yield* relayWarning(wanted.to)
    for (const text of errors) yield* Console.error(`Error: ${text}`)
    for (const text of [...spoolWarnings, ...(warning === undefined ? [] : [warning])]) {
      yield* Console.error(`Warning: ${text}`)
    }
    if (errors.length > 0) return yield* new CheckFailed({ count: errors.length })
  })
