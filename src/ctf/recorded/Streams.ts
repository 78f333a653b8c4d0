/** Finds which files of a trace are one stream, and in which order (§9), by the heads of their first packets. */
import { nanos, type Time } from "../decode/Clock.ts"
import type { Int } from "../decode/Cursor.ts"
import { DataStream } from "../decode/DataStream.ts"
import type { StreamPlan, TracePlan } from "../decode/Plan.ts"
import { FileWindow, type WindowOptions } from "./FileWindow.ts"
import { compareBegins, type Identity } from "./Packets.ts"
import type { DataFile } from "./TraceDirectories.ts"

interface FirstPacket {
  readonly file: DataFile
  readonly plan: StreamPlan | undefined
  readonly streamId: Int | undefined
  readonly begin: Time | undefined
  readonly order: Pick<Identity, "begin" | "sequence">
}

export interface StreamFiles {
  readonly plan: StreamPlan | undefined
  /** The stream's id; files that do not say one are numbered in their trace, in the order of paths. */
  readonly id: Int
  readonly files: ReadonlyArray<DataFile>
  /** When the first packet of each file begins, in cycles. */
  readonly begins: ReadonlyArray<Int>
  /** When the first packet begins, ns from the clock's origin; undefined if it does not tell. */
  readonly begin: bigint | undefined
}

const headBytes = 4096

const first = (file: DataFile, trace: TracePlan, windowOptions: WindowOptions): FirstPacket => {
  const window = new FileWindow(file, windowOptions)
  const stream = new DataStream(file.path, trace)
  const isOpen = stream.open(window.from(0))
  window.release()
  return {
    file,
    plan: isOpen ? stream.plan : undefined,
    streamId: isOpen ? stream.streamId : undefined,
    begin: isOpen && stream.hasBegin ? stream.begin : undefined,
    order: { begin: stream.beginCycles, sequence: stream.cursor.sequence }
  }
}

export const group = (files: ReadonlyArray<DataFile>, trace: TracePlan): ReadonlyArray<StreamFiles> => {
  const groups = new Map<StreamPlan, Map<Int, Array<FirstPacket>>>()
  const alone: Array<FirstPacket> = []
  const windowOptions = { windowBytes: headBytes, isKept: false, isHeld: false, spare: [] }
  for (const file of files) {
    const packet = first(file, trace, windowOptions)
    if (packet.plan === undefined || packet.streamId === undefined || packet.begin === undefined) {
      alone.push(packet)
      continue
    }
    const ofClass = groups.get(packet.plan) ?? new Map<Int, Array<FirstPacket>>()
    groups.set(packet.plan, ofClass)
    const own = ofClass.get(packet.streamId)
    if (own === undefined) ofClass.set(packet.streamId, [packet])
    else own.push(packet)
  }
  const grouped = [...groups].flatMap(([plan, ofClass]) =>
    [...ofClass].map(([id, packets]) => {
      packets.sort((a, b) => compareBegins(a.order, b.order))
      return { plan, id, ...filesOf(packets), begin: beginOf(packets) }
    })
  )
  const lone = alone.map((packet, id) => {
    const { plan, streamId } = packet
    return { plan, id: streamId ?? id, ...filesOf([packet]), begin: beginOf([packet]) }
  })
  return [...grouped, ...lone]
}

const beginOf = ([first]: ReadonlyArray<FirstPacket>): bigint | undefined =>
  first?.begin === undefined ? undefined : nanos(first.begin)

const filesOf = (packets: ReadonlyArray<FirstPacket>): Pick<StreamFiles, "begins" | "files"> => ({
  files: packets.map(({ file }) => file),
  begins: packets.map(({ order }) => order.begin)
})
