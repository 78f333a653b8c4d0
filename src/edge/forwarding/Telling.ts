/** Records of an edge's own, no part of a journal: how it is, which the relay shows to people, and what it asks. */
import * as EdgeReport from "../../protocol/journal/EdgeReport.ts"
import { headBytes, Kind, seal } from "../../protocol/journal/Record.ts"
import { checksums } from "../journal/Checksums.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import type { Meter } from "./Meter.ts"

/** The record with which it asks to be told of parts that are lost. */
export const hears = Buffer.alloc(headBytes)
seal(hears, 0, { number: 0, byteCount: 0, kind: Kind.hears, connection: 0 }, checksums)

const most = (one: bigint, other = 0n): bigint => (one > other ? one : other)

/** Includes what the edge before has, as if the two were one. */
export const reportOf = (
  journal: Journal,
  { meter, spool }: { readonly meter: Meter; readonly spool: Spool }
): Buffer => {
  const before = journal.passed?.report
  const report = EdgeReport.encode({
    spoolBytes: BigInt(journal.segments.byteCount) + (before?.spoolBytes ?? 0n),
    edgeSpoolBytes: BigInt(spool.byteCount),
    edgeSpoolBytesMax: BigInt(spool.bytesMax),
    last: most(BigInt(journal.last), before?.last),
    oldestMillis: most(BigInt(Math.round(meter.oldestMillisOf(journal))), before?.oldestMillis),
    lagMillis: BigInt(Math.round(meter.lagMillisOf(journal))) + (before?.lagMillis ?? 0n)
  })
  const record = Buffer.alloc(headBytes + report.length)
  record.set(report, headBytes)
  seal(record, 0, { number: 0, byteCount: report.length, kind: Kind.report, connection: 0 }, checksums)
  return record
}
