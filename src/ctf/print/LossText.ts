/** Warnings of losses, as babeltrace2 writes them (§11.4). */
import { timeOf } from "../decode/Clock.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { Loss } from "../decode/Losses.ts"
import { Bytes } from "./Bytes.ts"
import { TextTime, type TimeStyle } from "./TextTime.ts"

/** A loss to be told; without a count if it is only about a part of the time, in which the count is not known. */
export type Told = Omit<Loss, "count"> & { readonly count: bigint | undefined }

/** One line without its end. `path` is the file's or the live stream's. */
export const warning = (
  stream: DataStream,
  streamId: number | bigint,
  path: string,
  { count, from, to, what }: Told,
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
  const lost =
    count === undefined ? `may have discarded ${noun}s` : `discarded ${count} ${noun}${count === 1n ? "" : "s"}`
  return `WARNING: Tracer ${lost} ${when} ${where} ${ids}.`
}
