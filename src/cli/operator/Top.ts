/** `lttng-relay top`: what a relay does now, by session: rates, losses of tracers, viewers and their lag. */
import { Console, Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { Overview } from "../../admin/AdminApi.ts"
import * as Elapsed from "../../admin/Elapsed.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as StandardOutput from "../StandardOutput.ts"
import * as Operator from "./Operator.ts"
import * as TopView from "./TopView.ts"

const config = {
  ...Operator.flags,
  interval: Flags.duration("interval").pipe(
    Flag.filter(
      (interval) => Duration.toMillis(interval) >= intervalMillisMin,
      () => `must be at least ${intervalMillisMin}ms`
    ),
    Flag.withDefault(Duration.seconds(1)),
    Flag.withDescription("Between two looks, as 500ms or 2s (default: 1s)")
  ),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

/** More looks a second would be work for the relay, and nobody could read them. */
const intervalMillisMin = 100

const csi = "\x1b["
/** A line with characters that are wider than one column is cut, rather than continued on the next one. */
const unwrapped = `${csi}?7l`
const wrapped = `${csi}?7h`
const enter = `${csi}?1049h${csi}?25l${unwrapped}`
const leave = `${wrapped}${csi}?25h${csi}?1049l`
const home = `${csi}H`
const restOfLine = `${csi}K`
const restOfScreen = `${csi}J`

const write = (text: string) => Effect.sync(() => StandardOutput.write(Buffer.from(text)))

const size = (): TopView.Size => ({ columns: process.stdout.columns || 120, rows: process.stdout.rows || 40 })

const show = (shown: TopView.Figures, url: string) => {
  const lines = TopView.lines(shown, url, size())
  if (process.stdout.isTTY !== true) return Console.log(`${lines.join("\n")}\n`)
  return write(`${home}${lines.map((line) => `${line}${restOfLine}`).join("\r\n")}${restOfScreen}`)
}

const onScreen = Effect.acquireRelease(process.stdout.isTTY === true ? write(enter) : Effect.void, () =>
  process.stdout.isTTY === true ? write(leave) : Effect.void
)

const run = (input: Input) =>
  Operator.withClient(input, ({ relay }) =>
    Effect.gen(function* () {
      const look: Effect.Effect<Overview, unknown> = relay.overview({ query: {} })
      let before = yield* look
      const next = Effect.gen(function* () {
        let after = before
        // Who asks often is given one answer several times: then nothing is known of the time since.
        while (Elapsed.isSame(before, after)) {
          yield* Effect.sleep(input.interval)
          after = yield* look
        }
        const shown = TopView.figures(before, after)
        before = after
        return shown
      })
      if (input.json) return yield* Output.printJson(yield* next)
      yield* onScreen
      yield* show(TopView.figures(before, before), input.url)
      return yield* Effect.forever(Effect.flatMap(next, (shown) => show(shown, input.url)))
    })
  )

export const command = Command.make("top", config, (input) => Output.reported(Effect.scoped(run(input)))).pipe(
  Command.withDescription(
    "What a relay does now, by session: rates, losses of tracers, viewers and their lag; --json: once"
  ),
  Command.withExamples([
    { command: "lttng-relay top http://relay:5345 --token-file=token", description: "Until Ctrl-C, the busiest first" },
    {
      command: "lttng-relay top unix:///run/relay.sock --json | jq .bytesPerSecond",
      description: "One look for a script"
    }
  ])
)
