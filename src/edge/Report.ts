/** What an edge says of itself: a file in its spool, written anew while it runs, for `lttng-relay edge status`. */
import { Effect, Result, Schema } from "effect"
import { report } from "../errors/Report.ts"
import { wallMillis } from "../Machine.ts"
import { Outcome } from "../protocol/journal/OpenJournal.ts"
import type { FileFailed, Files } from "../storage/Files.ts"
import type { Edge } from "./Edge.ts"
import type { Journal } from "./journal/Journal.ts"
import * as JsonFile from "./journal/JsonFile.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const EdgeStatus = Schema.Struct({
  /** When it was written; older than some seconds: the edge does not run. */
  atMillis: Schema.Finite,
  pid: Count,
  relay: Schema.String,
  /** Sessions that are being forwarded now. */
  connectedCount: Count,
  /** How often a connection to the relay was lost. */
  lossCount: Count,
  /** Why the relay cannot be reached; absent: it can, or nobody tried. */
  reason: Schema.optionalKey(Schema.String),
  sentByteCount: Count,
  /** Of these bytes: those that were sent again after a connection was lost. */
  resentByteCount: Count,
  /** Bytes that tracers sent; per second, over the last ten seconds. */
  heardByteCount: Count,
  heardBytesPerSecond: Count,
  sentBytesPerSecond: Count,
  /** ms since the oldest record was heard that is in the spool, or that the relay has not carried out; 0: none. */
  oldestMillis: Schema.Finite,
  lagMillis: Schema.Finite,
  /** Bytes that compression saved. */
  savedByteCount: Count,
  spoolBytes: Count,
  spoolBytesMax: Count,
  /** Tracers are held back, because the spool is full. */
  isFull: Schema.Boolean,
  /** What was thrown away since the edge began; HOST/SESSION "/" is all sessions that are long over. */
  losses: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      /** A `Reason`; a later version may know others. */
      policy: Schema.String,
      packetCount: Count,
      byteCount: Count
    })
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  /** Parts of sessions that have ended at the relay alone, since the edge began, and the latest of them. */
  lostPartCount: Count.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
  lostParts: Schema.Array(
    Schema.Struct({
      /** HOST/SESSION. */
      name: Schema.String,
      /** Which consumer daemon's, and why, as the relay says. */
      why: Schema.String
    })
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  journals: Schema.Array(
    Schema.Struct({
      /** HOST/SESSION. */
      name: Schema.String,
      createdMillis: Schema.Finite,
      /** The tracer may send more. */
      isOpen: Schema.Boolean,
      /** False: an earlier process left it, and its files are being read. */
      isScanned: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
      /** What the relay waits for before it takes more; absent: it takes what comes. */
      waitsFor: Schema.optionalKey(Schema.String),
      /** Another edge brings it; absent: it is of tracers of this host. */
      from: Schema.optionalKey(Schema.Struct({ edge: Schema.String, isConnected: Schema.Boolean })),
      byteCount: Count,
      /** Records that are damaged, or mean nothing without those, as far as known: they are left out. */
      damagedCount: Count.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
      /** Packets that were dropped for want of room, or because they had waited for too long, and their bytes. */
      droppedPacketCount: Count,
      droppedByteCount: Count,
      /** Records heard, and carried out by the relay. */
      heardCount: Count,
      receivedCount: Count,
      oldestMillis: Schema.Finite,
      lagMillis: Schema.Finite
    })
  )
})
export interface EdgeStatus extends Schema.Schema.Type<typeof EdgeStatus> {}

/** `orBefore`: what an edge before the relay waits for with the same word. */
const waits: ReadonlyMap<Outcome, { readonly text: string; readonly orBefore: string }> = new Map([
  [Outcome.waitsForRights, { text: "until the relay permits it", orBefore: "" }],
  [Outcome.waitsForQuota, { text: "for room in its quota at the relay", orBefore: ", or at an edge before it" }],
  [
    Outcome.waitsForRoom,
    { text: "for room on the relay's disk, or to write on it", orBefore: ", or in the spool of an edge before it" }
  ]
])

/** An edge that comes next says what it waits for itself, and what the relay does, by the same words. */
const waitsFor = ({ waitsFor: outcome }: Journal, { relay }: Edge["link"]): { readonly waitsFor?: string } => {
  const waited = outcome === undefined ? undefined : waits.get(outcome)
  const isBehind = (relay?.edges.length ?? 0) > 0
  return waited === undefined ? {} : { waitsFor: `${waited.text}${isBehind ? waited.orBefore : ""}` }
}

const totals = ({ link, meter, spool }: Pick<Edge, "link" | "meter" | "spool">) => ({
  connectedCount: link.connectedCount,
  lossCount: link.lossCount,
  ...(link.reason !== undefined && { reason: link.reason }),
  sentByteCount: link.sentByteCount,
  resentByteCount: link.resentByteCount,
  heardByteCount: spool.heardByteCount,
  heardBytesPerSecond: meter.heardBytesPerSecond,
  sentBytesPerSecond: meter.sentBytesPerSecond,
  savedByteCount: link.savedByteCount,
  spoolBytes: spool.byteCount,
  spoolBytesMax: spool.bytesMax,
  isFull: !spool.holding.hasRoom,
  losses: spool.losses.all,
  lostPartCount: spool.losses.partCount,
  lostParts: spool.losses.parts
})

export const of = ({ link, meter, spool }: Pick<Edge, "link" | "meter" | "spool">, relay: string): EdgeStatus => {
  const journals = Array.from(spool.journals.values(), (journal) => ({
    name: journal.about.name,
    createdMillis: journal.about.createdMillis,
    isOpen: !journal.isFinished,
    isScanned: journal.isScanned,
    ...waitsFor(journal, link),
    ...(journal.passed !== undefined && { from: { edge: journal.passed.from, isConnected: journal.passed.isHere } }),
    byteCount: journal.segments.byteCount,
    damagedCount: journal.damage.skipped.size,
    droppedPacketCount: journal.droppedPacketCount,
    droppedByteCount: journal.droppedByteCount,
    heardCount: journal.last,
    receivedCount: journal.received,
    oldestMillis: meter.oldestMillisOf(journal),
    lagMillis: meter.lagMillisOf(journal)
  }))
  const most = (of: "oldestMillis" | "lagMillis") => journals.reduce((max, journal) => Math.max(max, journal[of]), 0)
  return {
    ...totals({ link, meter, spool }),
    atMillis: wallMillis(),
    pid: process.pid,
    relay,
    oldestMillis: most("oldestMillis"),
    lagMillis: most("lagMillis"),
    journals
  }
}

const fileName = "status.json"
const bytesMax = 16 * 1024 * 1024

/** On a full disk, too. */
export const write = (
  files: Files["Service"],
  directory: string,
  status: EdgeStatus
): Effect.Effect<void, FileFailed> => JsonFile.renew(files, `${directory}/${fileName}`, status)

/** To be done from time to time. That the directory is gone is told; a full disk is by who needs it (`Writing`). */
export const writing = (files: Files["Service"], directory: string, now: () => EdgeStatus): Effect.Effect<void> => {
  let isGone = false
  return Effect.gen(function* () {
    const result = yield* Effect.result(write(files, directory, now()))
    const wasGone = isGone
    isGone = Result.isFailure(result) && result.failure.code === "ENOENT"
    if (Result.isFailure(result) && isGone && !wasGone) yield* report("SPOOL_GONE", result.failure.message)
  })
}

const stored = JsonFile.reader(EdgeStatus, bytesMax)

/** Undefined: there is none that can be read. */
export const read = (files: Files["Service"], directory: string): Effect.Effect<EdgeStatus | undefined> =>
  Effect.repeat(stored(files, `${directory}/${fileName}`), { times: 2, until: (found) => found !== undefined })
