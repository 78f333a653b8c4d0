/** `lttng-relay repair`: makes recorded traces readable again, in a copy unless told otherwise. */
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as Checked from "../../recovery/Check.ts"
import * as DiskCopy from "../../recovery/DiskCopy.ts"
import * as DiskTree from "../../recovery/DiskTree.ts"
import { described, type Finding } from "../../recovery/Finding.ts"
import * as Recovery from "../../recovery/Repair.ts"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Check from "./Check.ts"

const config = {
  ...Check.flags,
  to: Paths.directoryFlag("to").pipe(
    Flag.optional,
    Flag.withDescription("Repair a copy there: a new or empty directory. The original stays as it is")
  ),
  inPlace: Flags.toggle("in-place", "Change the files themselves; what is cut off is gone")
}

type Input = Flags.Given<typeof config>

/** Tells what nothing puts right. */
const tellLeft = (left: ReadonlyArray<Finding>, json: boolean) =>
  Effect.forEach(
    left,
    (finding) => {
      const { changes: _, ...rest } = finding
      return json ? Output.printJson({ left: rest }) : Console.log(`left: ${Check.line(finding)}`)
    },
    { discard: true }
  )

/** Tells what would be done; nothing is changed. */
const preview = ({ directory, events, json }: Input) =>
  Effect.gen(function* () {
    const report = yield* Output.attempt(() =>
      Checked.check(DiskTree.make(directory, true), Recovery.optionsOf(events))
    )
    const wanted = Recovery.plan(report.findings)
    const left = report.findings.filter(({ changes, severity }) => severity === "damage" && changes.length === 0)
    if (wanted.length > 0 || left.length > 0) process.exitCode = 1
    for (const change of wanted) {
      yield* json ? Output.printJson({ would: described(change) }) : Output.print(`would ${described(change)}`)
    }
    if (wanted.length === 0) yield* tellLeft(left, json)
    if (json) return
    const advice = "nothing was changed: give --to=DIR for a repaired copy, or --in-place"
    yield* Console.log(wanted.length === 0 ? Check.summary(report) : advice)
  })

const repair = (root: string, { events, inPlace }: Input) =>
  Effect.gen(function* () {
    const tree = yield* Output.attempt(() => DiskTree.make(root, inPlace))
    return yield* Output.attempt(() =>
      Recovery.repair(tree, (change) => DiskTree.apply(root, change), Recovery.optionsOf(events))
    )
  })

const tellRepaired = ({ changes, failures, report }: Recovery.Repaired, json: boolean) =>
  Effect.gen(function* () {
    for (const change of changes) {
      yield* json ? Output.printJson({ did: described(change) }) : Output.print(described(change))
    }
    for (const { change, reason } of failures) {
      yield* json
        ? Output.printJson({ failed: described(change), reason })
        : Output.tell(`Error: cannot ${described(change)}: ${reason}`)
    }
    yield* tellLeft(
      report.findings.filter(({ severity }) => severity === "damage"),
      json
    )
    if (!json) yield* Console.log(Check.summary(report))
  })

const tellLeftOut = (leftOut: ReadonlyArray<DiskCopy.LeftOut>, json: boolean) =>
  Effect.forEach(
    leftOut,
    ({ path, reason }) =>
      json ? Output.printJson({ leftOut: path, reason }) : Output.tell(`left out: ${path}: ${reason}`),
    { discard: true }
  )

/** All is done, and the status known, before a word is printed: whoever does not listen to the end ends the process. */
const mend = (input: Input, to: string | undefined) =>
  Effect.gen(function* () {
    const { directory, json } = input
    const leftOut = to === undefined ? [] : yield* Output.attempt(() => DiskCopy.copy(directory, to))
    const telling = tellLeftOut(leftOut, json)
    const repaired = yield* Effect.tapError(repair(to ?? directory, input), () => telling)
    const { failures, report } = repaired
    const isLossy = leftOut.some(({ isLoss }) => isLoss)
    if (isLossy || failures.length > 0 || Checked.isDamaged(report)) process.exitCode = 1
    yield* telling
    yield* tellRepaired(repaired, json)
  })

const run = (input: Input) => {
  const to = Option.getOrUndefined(input.to)
  if (to !== undefined && input.inPlace) return Effect.fail(new Misused("--to and --in-place exclude each other"))
  return to === undefined && !input.inPlace ? preview(input) : mend(input, to)
}

export const command = Command.make("repair", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Repair recorded traces: cut what is not whole, set aside packets that nobody can read, rebuild indexes from the " +
      "packets' heads, finish interrupted renames. Nothing is invented. Without --to and --in-place it only says what it would do. " +
      "What a relay of this machine is writing is left alone"
  ),
  Command.withExamples([
    { command: "lttng-relay repair DIR", description: "What would be done" },
    { command: "lttng-relay repair DIR --to=REPAIRED", description: "In a copy" },
    { command: "lttng-relay repair DIR --in-place", description: "The files themselves" }
  ])
)
