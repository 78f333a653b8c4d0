/** Losses as babeltrace2 warns of them (§11.4). */
import type { DataStream } from "../decode/DataStream.ts"
import type { Loss } from "../decode/Losses.ts"
import { Bytes } from "./Bytes.ts"
import { TextTime, type TimeStyle } from "./TextTime.ts"

const timeOf = (nanos: bigint) => ({ high: Number(nanos >> 32n), low: Number(nanos & 0xffff_ffffn) })

/** One line without its end. `path` is the file's or the live stream's. */
export const warning = (
  stream: DataStream,
  streamId: number | bigint,
  path: string,
  { count, from, to, what }: Loss,
  style: TimeStyle
): string => {
  const times = new TextTime(style)
  const text = (nanos: bigint): string => {
    const out = new Bytes(64)
    times.write(timeOf(nanos), out)
    return `[${Buffer.from(out.written)}]`
  }
  const noun = what === "events" ? "event" : "packet"
  const when = from === undefined || to === undefined ? "(unknown time range)" : `between ${text(from)} and ${text(to)}`
  const { name, traceClass } = stream.trace
  const uid = traceClass.uid === undefined ? "no UID" : `UID: ${traceClass.uid}`
  const where = `in trace "${name ?? ""}" (${uid}) within stream "${path}"`
  const ids = `(stream class ID: ${stream.plan?.streamClass.id ?? 0}, stream ID: ${streamId})`
  return `WARNING: Tracer discarded ${count} ${noun}${count === 1n ? "" : "s"} ${when} ${where} ${ids}.`
}
