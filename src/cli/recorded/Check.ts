/** `lttng-relay check`: whether recorded files are whole, and agree with each other. */
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { harmless } from "../../errors/Harmless.ts"
import * as Checked from "../../recovery/Check.ts"
import * as DiskTree from "../../recovery/DiskTree.ts"
import { described, type Finding } from "../../recovery/Finding.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"

/** One line: how bad, what, where, and why. */
export const line = ({ code, detail, offset, path, severity }: Finding): string =>
  harmless(`${severity}: ${code}: ${path === "" ? "." : path}${offset === undefined ? "" : ` at ${offset}`}: ${detail}`)

export const summary = (report: Checked.Report): string => {
  const { byteCount, decodedByteCount, fileCount, findings, packetCount, traceCount } = report
  const severe = findings.filter(({ severity }) => severity === "damage").length
  const size = `${Output.plural(packetCount, "packet")}, ${Output.bytes(byteCount)}`
  const seen = `${Output.plural(traceCount, "trace")}, ${Output.plural(fileCount, "data file")}, ${size}`
  const decoded = decodedByteCount < byteCount ? ` (events of ${Output.bytes(decodedByteCount)} decoded)` : ""
  // Nobody should take a directory that was meant to be another for a whole recording.
  const verdict = severe > 0 ? `${Output.plural(severe, "finding")} of damage` : "no damage"
  return `${seen}: ${traceCount === 0 && severe === 0 ? "nothing to check" : verdict}${decoded}`
}

const print = ({ findings, ...counts }: Checked.Report): Effect.Effect<void> =>
  Effect.andThen(
    Effect.forEach(
      findings,
      ({ changes, ...finding }) => Output.printJson({ ...finding, repairs: changes.map(described) }),
      { discard: true }
    ),
    Output.printJson({ ...counts, isDamaged: Checked.isDamaged({ findings, ...counts }) })
  )

const show = (report: Checked.Report, directory: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const finding of report.findings) yield* Console.log(line(finding))
    yield* Console.log(summary(report))
    const isRepairable = report.findings.some(({ changes }) => changes.length > 0)
    if (isRepairable) yield* Console.log(`lttng-relay repair ${directory} --to=NEW puts it right in a copy`)
  })

const run = ({ directory, events, json, strict }: Flags.Given<typeof config>) =>
  Effect.gen(function* () {
    const readsEvents = events ? "all" : "small"
    const report = yield* Output.attempt(() => Checked.check(DiskTree.make(directory), { readsEvents }))
    const isLossy = strict && report.findings.some(({ severity }) => severity === "loss")
    // Before it is printed: whoever reads the first line only, or nothing, has the status.
    if (isLossy || Checked.isDamaged(report)) process.exitCode = 1
    yield* json ? print(report) : show(report, directory)
  })

/** Which traces, and how they are looked at. */
export const flags = {
  directory: Paths.directoryArgument("dir").pipe(
    Argument.withDescription("A relay's output directory, a session, or anything else with traces below")
  ),
  events: Flags.toggle("events", "Decode every event, of large traces too: about a million a second"),
  json: Output.jsonFlag
}

const config = {
  ...flags,
  strict: Flags.toggle("strict", "Packets that are missing count as damage, too: status 1")
}

export const command = Command.make("check", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Check recorded traces: indexes against data, packets against their heads, metadata, chunks, what a crash left. " +
      "Status 0 where nothing is damaged, 1 where something is. What a relay of this machine is writing is not judged"
  ),
  Command.withExamples([
    { command: "lttng-relay check ~/lttng-traces", description: "Everything a relay has recorded" },
    { command: "lttng-relay check DIR --json | jq -r .code | sort | uniq -c", description: "How much of what" }
  ])
)
