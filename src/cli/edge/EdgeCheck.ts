/** `lttng-relay edge --check`: what would be wrong with a start, or at the relay. Nothing is made or written. */
import { Console, Effect } from "effect"
import { greet } from "../../edge/forwarding/Greeting.ts"
import * as Dial from "../../transport/Dial.ts"
import * as FreePorts from "../../transport/FreePorts.ts"
import { asked } from "../Asked.ts"
import { Failed } from "../Failed.ts"
import * as Terms from "../Terms.ts"
import * as EdgeLimits from "./EdgeLimits.ts"
import * as EdgeSpool from "./EdgeSpool.ts"

export interface Wanted {
  readonly to: Dial.Address
  readonly spool: string
  readonly spoolLimit: number
  readonly copy: string | undefined
  /** Ports to listen on, by name. */
  readonly ports: ReadonlyArray<{ readonly name: string; readonly host: string; readonly port: number }>
}

type Complaint = { readonly kind: "Error" | "Warning"; readonly text: string }

/** A relay that is away is a warning, since that passes; one that is unfit, or does not take us, is an error. */
const relayComplaint = (to: Dial.Address): Effect.Effect<Complaint | undefined> => {
  const warn = (text: string): Complaint => ({ kind: "Warning", text })
  return asked(to, "control", greet).pipe(
    Effect.catchTag("LinkLost", Dial.unanswered(to)),
    Effect.map(({ hasChunks, takesJournals }) => {
      if (!hasChunks) {
        return warn("the relay has no trace chunks: no rotations, no clear; a lost link ends sessions there")
      }
      return takesJournals ? undefined : warn("the relay takes no journals: a lost link ends sessions there")
    }),
    Effect.catch((failure) =>
      Effect.succeed(
        failure._tag === "TlsFailed" || failure._tag === "RelayUnfit"
          ? ({ kind: "Error", text: failure.message } as const)
          : warn(`the relay does not answer: ${failure.message}`)
      )
    )
  )
}

export const check = (wanted: Wanted): Effect.Effect<void, Failed> =>
  Effect.gen(function* () {
    const { errors: spoolErrors, warnings: spoolWarnings } = yield* EdgeSpool.complaintsOf(
      wanted.spool,
      wanted.spoolLimit
    )
    // An edge whose copy cannot be written forwards all the same.
    const copyWarning = wanted.copy === undefined ? undefined : yield* EdgeSpool.unwritable("copy", wanted.copy)
    const warnings = [
      ...spoolWarnings,
      ...(copyWarning === undefined ? [] : [copyWarning]),
      ...Terms.complaintsOf(wanted.to.tls)
    ]
    const relay = yield* relayComplaint(wanted.to)
    const errors = [
      ...spoolErrors,
      ...EdgeLimits.complaints(),
      ...(yield* Effect.promise(() => FreePorts.complaints(wanted.ports)))
    ]
    const complaints: ReadonlyArray<Complaint> = [
      ...errors.map((text) => ({ kind: "Error", text }) as const),
      ...warnings.map((text) => ({ kind: "Warning", text }) as const),
      ...(relay === undefined ? [] : [relay])
    ]
    for (const { kind, text } of complaints) yield* Console.error(`${kind}: ${text}`)
    const count = complaints.filter(({ kind }) => kind === "Error").length
    if (count > 0) return yield* new Failed({ message: `${count} of them would keep it from starting or forwarding` })
  })
