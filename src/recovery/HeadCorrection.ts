/**
 * Heads of packets against their index records, which a consumer daemon made of the same values: where the two differ
 * in one member alone, what lies around the packet may tell that the head is what was damaged. Pure.
 */
import { uuidBytes } from "../ctf/metadata/Classes.ts"
import type { IndexRecord } from "../protocol/CtfIndex.ts"
import * as CtfPacket from "../protocol/CtfPacket.ts"
import { u64Max } from "../protocol/Struct.ts"
import type { InHead } from "./Finding.ts"

export type Correction = Omit<InHead, "path"> & { readonly member: CtfPacket.Member }

/** The packets of a file as its index has them. */
export interface Indexed {
  readonly byteCount: number
  /** UUID of the trace. */
  readonly trace: string
  readonly minor: 0 | 1
  readonly records: ReadonlyArray<IndexRecord>
  /** The bytes with which a packet there would begin; fewer at the end of the file. */
  readonly headAt: (offset: number) => Uint8Array
  /** Offsets of packets whose events cannot be read as their heads have them. */
  readonly faulty: ReadonlySet<number>
}

const isAscending = (records: ReadonlyArray<IndexRecord>): boolean =>
  records.every(({ offset }, at) => at === 0 || offset > (records[at - 1]?.offset ?? 0n))

type Times = Pick<IndexRecord, "timestampBegin" | "timestampEnd">

/** A packet with its record, and the records around it. */
interface Place {
  readonly head: CtfPacket.PacketHead
  readonly record: IndexRecord
  readonly before: IndexRecord | undefined
  readonly after: IndexRecord | undefined
}

const isBetween = ({ timestampBegin, timestampEnd }: Times, { after, before }: Place): boolean =>
  (before === undefined || timestampBegin >= before.timestampEnd) &&
  (after === undefined || timestampEnd <= after.timestampBegin)

/** Whether the record is right in the member, and the head is not. */
const isRecordRight = (member: CtfPacket.Member, place: Place, { byteCount, faulty, headAt }: Indexed): boolean => {
  const { after, before, head, record } = place
  const neighbours = [before, after].filter((each) => each !== undefined)
  switch (member) {
    case "packetSize":
      return record.offset + record.packetSize / 8n === (after?.offset ?? BigInt(byteCount))
    case "contentSize":
      return (
        record.contentSize <= record.packetSize &&
        (head.contentSize > head.packetSize || faulty.has(Number(record.offset)))
      )
    case "streamInstanceId":
      return (
        neighbours.length > 0 &&
        neighbours.every(({ offset }) => {
          const other = CtfPacket.members(headAt(Number(offset)))
          return other?.streamId === head.streamId && other.streamInstanceId === record.streamInstanceId
        })
      )
    case "timestampBegin":
    case "timestampEnd":
      return (
        record.timestampBegin <= record.timestampEnd &&
        isBetween(record, place) &&
        // Where it ends before it begins its events tell, too.
        (head.timestampEnd === 0n ||
          (head.timestampBegin <= head.timestampEnd && (faulty.has(Number(record.offset)) || !isBetween(head, place))))
      )
    case "packetSeqNum":
      return false
  }
}

/** Those that the record tells: what it does not know is the greatest number. */
const membersOf = (minor: 0 | 1, record: IndexRecord): ReadonlyArray<CtfPacket.Member> =>
  CtfPacket.memberNames.filter((name) =>
    name === "streamInstanceId" || name === "packetSeqNum" ? minor === 1 && record[name] !== u64Max : true
  )

/** What heads are to say instead. */
export const corrections = (indexed: Indexed): ReadonlyArray<Correction> => {
  const { headAt, minor, records, trace } = indexed
  if (!isAscending(records)) return []
  const uuid = uuidBytes(trace)
  return records.flatMap((record, at) => {
    const offset = Number(record.offset)
    const bytes = headAt(offset)
    const head = CtfPacket.members(bytes)
    if (head === undefined || Buffer.compare(head.traceUuid, uuid) !== 0 || head.streamId !== record.streamId) return []
    const [member, ...others] = membersOf(minor, record).filter((name) => head[name] !== record[name])
    const place = { head, record, before: records[at - 1], after: records[at + 1] }
    if (member === undefined || others.length > 0 || !isRecordRight(member, place, indexed)) return []
    const right = CtfPacket.memberBytes(bytes, record[member])
    return [{ offset, at: offset + CtfPacket.memberAt[member], bytes: right, member }]
  })
}
