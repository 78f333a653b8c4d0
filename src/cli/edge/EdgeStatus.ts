/** `lttng-relay edge status`: what a running edge says of itself in its spool. */
import { accessSync, constants, statSync } from "node:fs"
import { resolve } from "node:path"
import { Effect, Result } from "effect"
import { Command } from "effect/cli"
import * as Report from "../../edge/Report.ts"
import { type Aside, asideIn } from "../../edge/spool/Aside.ts"
import { masked } from "../../errors/Secrets.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { agoOf, wallMillis } from "../../Machine.ts"
import * as DiskFiles from "../../storage/DiskFiles.ts"
import { Files } from "../../storage/Files.ts"
import { Failed } from "../Failed.ts"
import * as Output from "../Output.ts"
import * as EdgeFlags from "./EdgeFlags.ts"
import * as EdgeSpool from "./EdgeSpool.ts"

/** No edge writes there, or this user may not look. */
const missing = (directory: string): Failed => {
  const message = `no edge has its spool in ${directory}`
  try {
    if (!statSync(directory).isDirectory()) return new Failed({ message: `${message}: ${SystemError.notDirectory}` })
    accessSync(directory, constants.R_OK | constants.X_OK)
  } catch (cause) {
    const reason = SystemError.reasonOf(cause)
    const isRefused = (cause as NodeJS.ErrnoException).code === "EACCES"
    return new Failed({ message: `${message}${isRefused ? ", or not for you" : ""}: ${reason}` })
  }
  return new Failed({ message: `${message}: --spool=DIR says where it is` })
}

const seconds = (millis: number) => `${Math.max(0, Math.round(millis / 1000))} s`

/** An edge that writes nothing for this long does not run. */
const staleMillis = 10_000

const spoolLine = (status: Report.EdgeStatus): string => {
  const used = `${Output.bytes(status.spoolBytes)} of ${Output.bytes(status.spoolBytesMax)}`
  const oldest = status.oldestMillis > 0 ? `, the oldest from ${seconds(status.oldestMillis)} ago` : ""
  return `spool: ${used}${oldest}${status.isFull ? "; full: tracers are held back, except by --overflow=stop" : ""}`
}

const linkLine = ({ connectedCount, lagMillis, lossCount, reason }: Report.EdgeStatus): string => {
  const state = reason ?? `${Output.plural(connectedCount, "session")} connected`
  return `link: ${state}; lost ${Output.plural(lossCount, "time")}; the relay is ${lagMillis > 0 ? `${seconds(lagMillis)} behind` : "up to date"}`
}

const rateLine = (status: Report.EdgeStatus): string =>
  [
    `rate: ${Output.bytes(status.heardBytesPerSecond)}/s from tracers, ${Output.bytes(status.sentBytesPerSecond)}/s to the relay`,
    `in all ${Output.bytes(status.heardByteCount)} and ${Output.bytes(status.sentByteCount)}`,
    `sent again ${Output.bytes(status.resentByteCount)}`,
    ...(status.savedByteCount > 0 ? [`saved by compression ${Output.bytes(status.savedByteCount)}`] : [])
  ].join("; ")

const journalLine = (journal: Report.EdgeStatus["journals"][number]): string => {
  const {
    byteCount,
    createdMillis,
    damagedCount,
    from,
    heardCount,
    isOpen,
    isScanned,
    lagMillis,
    receivedCount,
    waitsFor
  } = journal
  const behind = heardCount - receivedCount
  const waits = waitsFor === undefined ? "" : `, waits ${waitsFor}`
  const lag = behind > 0 ? `${Output.plural(behind, "record")} and ${seconds(lagMillis)} behind` : "up to date"
  const state = isScanned ? lag : "being read after a restart"
  const way = from === undefined ? "" : ` by edge ${from.edge}${from.isConnected ? "" : ", which is gone"}`
  const ago = agoOf(createdMillis)
  const begun = ago === undefined ? "" : `, begun ${seconds(ago)} ago`
  const since = ago === undefined ? "" : ` since ${seconds(ago)}`
  const damage = damagedCount > 0 ? `, ${Output.plural(damagedCount, "record")} left out as damaged` : ""
  const life = isOpen ? `recording${since}` : `ended${begun}`
  return `${journal.name}${way}: ${life}, ${Output.bytes(byteCount)}, ${state}${waits}${damage}`
}

const whys: Readonly<Record<string, string>> = {
  drop: "for want of room",
  age: "because it had waited too long",
  stop: "after it was stopped",
  ended: "after the relay had ended it"
}

const lossLine = ({ byteCount, name, packetCount, policy }: Report.EdgeStatus["losses"][number]): string =>
  `lost of ${name === "/" ? "older sessions" : name} ${whys[policy] ?? `(${policy})`}: ${Output.plural(packetCount, "packet")}, ${Output.bytes(byteCount)}`

const partLine = ({ name, why }: Report.EdgeStatus["lostParts"][number]): string =>
  `ended at the relay of ${name}: ${why}`

const olderLine = ({ lostPartCount, lostParts }: Report.EdgeStatus): ReadonlyArray<string> => {
  const older = lostPartCount - lostParts.length
  return older > 0 ? [`ended at the relay before: ${Output.plural(older, "part")} more of sessions`] : []
}

const asideLine = ({ byteCount, createdMillis, directory, isFromBeginning, name }: Aside): string => {
  const ago = createdMillis === undefined ? undefined : agoOf(createdMillis)
  const begun = ago === undefined ? "" : `, begun ${seconds(ago)} ago`
  const whole = isFromBeginning ? ", with its beginning" : ""
  return `put aside of ${name ?? "a session"}${begun}: ${Output.bytes(byteCount)} in ${masked(directory)}${whole}`
}

/** Nothing, or what of the disk is taken besides what the edge counts. */
export const asideLines = (aside: ReadonlyArray<Aside>): ReadonlyArray<string> => aside.map(asideLine)

/**
 * `isClaimed`: somebody has the spool, whose disk may be full. `isSilent`: what it says of itself does not change, so
 * that it is none of another network name space, which has no claim here.
 */
export const lines = (status: Report.EdgeStatus, isClaimed: boolean, isSilent = false): ReadonlyArray<string> => {
  const ago = wallMillis() - status.atMillis
  // A date that is ahead is of a clock that was set back since.
  const time = ago < 0 ? "for longer than this host's clock says" : `for ${seconds(ago)}`
  return [
    Math.abs(ago) < staleMillis && !isSilent
      ? `edge ${status.pid} forwards to ${status.relay}`
      : `${isClaimed ? "an edge runs, and could not write how it is" : "no edge has run"} ${time}`,
    linkLine(status),
    spoolLine(status),
    rateLine(status),
    ...status.journals.map(journalLine),
    ...status.losses.map(lossLine),
    ...olderLine(status),
    ...status.lostParts.map(partLine)
  ]
}

/** Twice as long as an edge takes to write how it is, and some. */
const wait = "2.5 seconds"

const isUnchanged = (directory: string, { atMillis }: Report.EdgeStatus) =>
  Effect.gen(function* () {
    if (Math.abs(wallMillis() - atMillis) >= staleMillis) return true
    yield* Effect.sleep(wait)
    return (yield* Report.read(yield* Files, directory))?.atMillis === atMillis
  })

const name = "status"

export const command = Command.make(name, { spool: EdgeFlags.spool, json: Output.jsonFlag }, (input) =>
  Output.reported(
    Effect.gen(function* () {
      const directory = resolve(input.spool)
      const files = yield* Files
      const found = yield* Report.read(files, directory)
      if (found === undefined) return yield* missing(directory)
      const aside = yield* asideIn(files, directory)
      const shown = aside.map((each) => ({ ...each, directory: masked(each.directory) }))
      if (input.json) return yield* Output.printJson({ ...found, aside: shown })
      const claimed = yield* Effect.result(Effect.scoped(EdgeSpool.claim(directory)))
      const isClaimed = Result.isFailure(claimed)
      const isSilent = !isClaimed && (yield* isUnchanged(directory, found))
      for (const line of [...lines(found, isClaimed, isSilent), ...asideLines(aside)]) yield* Output.print(line)
    })
  ).pipe(Effect.provide(DiskFiles.layer))
).pipe(Command.withDescription("How far a running edge is: its link, its spool, its rate, its sessions"))
