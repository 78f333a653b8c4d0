/**
 * Power cuts under an edge's spool or a relay's output, for long; what of what was promised is gone is printed:
 *
 *     node test/endurance/power.ts [ROUNDS] [ext4|xfs|btrfs] [spool|forwarding|output|resumed] [SYNC] [MOUNT OPTIONS]
 *
 * `spool`: of an edge whose relay is away; `forwarding`: of one that forwards; `output`: of a relay; `resumed`: of a
 * relay with an edge before it, whose sessions go on.
 */
import { Cause, Effect } from "effect"
import { setup } from "../support/bundle.ts"
import * as Disk from "../support/disk.ts"
import * as Powers from "./powers.ts"

const [rounds = "50", type = "ext4", what = "spool", sync = "always", mount = "noatime"] = process.argv.slice(2)
const kinds = {
  spool: (options: Powers.Options) => Powers.edgeRound(options, true),
  forwarding: (options: Powers.Options) => Powers.edgeRound(options, false),
  output: Powers.relayRound,
  resumed: Powers.resumedRound
}
/** Without syncs a file system writes after some seconds. */
const afterMillisMax = sync === "none" ? 8000 : 2500

const reason = Disk.missing(type as Disk.Type)
if (reason !== undefined) {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}
await setup()
let answeredCount = 0
for (let seed = 0; seed < Number(rounds); seed++) {
  const afterMillis = Math.random() * afterMillisMax
  const round = kinds[what as keyof typeof kinds]({ type: type as Disk.Type, mount, sync, afterMillis, seed })
  const failed = (cause: Cause.Cause<unknown>) => Effect.succeed({ answeredCount: 0, wrong: [Cause.pretty(cause)] })
  const outcome = await Effect.runPromise(Effect.catchCause(round, failed))
  answeredCount += outcome.answeredCount
  for (const line of outcome.wrong) process.stdout.write(`round ${seed}: ${line}\n`)
  if (outcome.wrong.length > 0) process.exitCode = 1
  if (seed % 10 === 9) process.stdout.write(`${seed + 1} cuts, ${answeredCount} packets answered\n`)
}
