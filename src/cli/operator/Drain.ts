/** `lttng-relay drain`: takes a relay out of service without loss, and shows how far it is. */
import { Console, Duration, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as Operator from "./Operator.ts"

const config = {
  ...Operator.flags,
  deadline: Flags.duration("deadline").pipe(
    Flag.optional,
    Flag.withDescription("End the sessions that are left after this time, as 30s or 10m (default: wait for them)")
  ),
  wait: Flag.Boolean("wait").pipe(
    Flag.withDefault(true),
    Flag.withDescription("Return when no session is left; --no-wait returns at once")
  ),
  cancel: Flags.toggle("cancel", "Take it back: the relay makes sessions again"),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

const pollInterval = "500 millis"

interface Left {
  readonly isDraining: boolean
  readonly sessionCount: number
  readonly edgeSessionCount?: number
}

const show = (json: boolean, status: Left) => {
  if (json) return Output.printJson(status)
  if (!status.isDraining) return Console.log("The relay makes sessions again")
  const { edgeSessionCount = 0, sessionCount } = status
  if (sessionCount > 0) return Console.log(`${Output.plural(sessionCount, "session")} left`)
  const others = edgeSessionCount === 0 ? "" : ` but ${edgeSessionCount} by edges, which go on when it starts again`
  return Console.log(`Drained: no session is left${others}`)
}

const drain = (input: Input) =>
  Operator.withClient(input, ({ relay }) =>
    Effect.gen(function* () {
      if (input.cancel) return yield* show(input.json, yield* relay.takeBackDrain())
      const payload = Option.match(input.deadline, {
        onNone: () => ({}),
        onSome: (deadline) => ({ deadlineSeconds: Duration.toSeconds(deadline) })
      })
      let status = yield* relay.drain({ payload })
      yield* show(input.json, status)
      const watch = Effect.gen(function* () {
        while (input.wait && status.isDraining && status.sessionCount > 0) {
          yield* Effect.sleep(pollInterval)
          const next = yield* relay.draining()
          if (next.sessionCount !== status.sessionCount || !next.isDraining) yield* show(input.json, next)
          status = next
        }
      })
      // People may believe that Ctrl-C takes the drain back.
      yield* Effect.onInterrupt(watch, () => Console.error("The relay goes on draining: --cancel takes that back"))
    })
  )

const run = (input: Input) =>
  input.cancel && Option.isSome(input.deadline)
    ? Effect.fail(new Misused("--cancel and --deadline exclude each other"))
    : drain(input)

export const command = Command.make("drain", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Take a relay out of service without loss: it refuses new sessions and is not ready, those it has go on to their end"
  ),
  Command.withExamples([
    {
      command: "lttng-relay drain http://relay:5345 --token-file=token",
      description: "Until the last session has ended"
    },
    {
      command: "lttng-relay drain unix:///run/relay.sock --token-file=token --deadline=10m",
      description: "At most ten minutes"
    }
  ])
)
