/** When a recorded stream was active: from the begin of its first packet to the end of its last. */
import { type Clock, compare, type Time } from "../decode/Clock.ts"
import { DataStream, event } from "../decode/DataStream.ts"
import type { TracePlan } from "../decode/Plan.ts"
import { FileWindow } from "./FileWindow.ts"
import type { Interval } from "./Interval.ts"
import * as PacketIndex from "./PacketIndex.ts"
import type { StreamFiles } from "./Streams.ts"
import type { DataFile } from "./TraceDirectories.ts"
import * as TracerFaults from "./TracerFaults.ts"

/** When the first packet of a file begins, and when the last one begins and ends. */
interface Ends {
  readonly first: Time
  readonly last: Time
  readonly end: Time
}

const windowOptions = { windowBytes: 4096, isKept: false, isHeld: true, spare: [] }
const never: Time = { high: 0x7fff_ffff, low: 0xffff_ffff }

/** When the current packet ends: at its last event where it does not tell, as after a crash, or tells it wrong. */
const endOf = (stream: DataStream): Time => {
  if (stream.cursor.endTime !== 0 && !TracerFaults.hasLateEvents(stream.trace.traceClass)) return { ...stream.end }
  const end = { ...stream.end }
  while (stream.next() === event);
  return { ...(stream.hasTime ? stream.time : end) }
}

/** Undefined if a packet cannot be read, or does not tell its times. */
const endsOf = (file: DataFile, trace: TracePlan, clock: Clock): Ends | undefined => {
  const window = new FileWindow(file, windowOptions)
  const stream = new DataStream(file.path, trace)
  try {
    if (!stream.open(window.from(0))) return undefined
    const first = { ...stream.begin }
    // The index leads to the last packet, or to an earlier one if it was cut.
    for (let at = PacketIndex.offsetBefore(file, trace, clock, never); at < file.byteCount; ) {
      if (!stream.open(window.from(at))) return undefined
      at += stream.totalBits / 8
    }
    return stream.hasBegin && stream.hasEnd ? { first, last: { ...stream.begin }, end: endOf(stream) } : undefined
  } finally {
    window.release()
  }
}

/** When a stream was active; undefined if its packets do not tell, or cannot be read. */
export const of = ({ files, plan }: StreamFiles, trace: TracePlan): Interval | undefined => {
  const clock = plan?.clock
  if (clock === undefined) return undefined
  const all: Array<Ends> = []
  for (const file of files) {
    const ends = endsOf(file, trace, clock)
    if (ends === undefined) return undefined
    all.push(ends)
  }
  // Files are in the order of their first packets, but a snapshot may begin later and end earlier than another one.
  const latest = all.reduce((a, b) => (compare(b.last, a.last) >= 0 ? b : a))
  return { begin: all[0]?.first, end: latest.end }
}
