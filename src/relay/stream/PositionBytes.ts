/**
 * A stream's position as bytes, for a journal's history: it replaces the packets, indexes and metadata that led to it.
 */
import { Result } from "effect"
import type { FileExtent } from "../../model/StreamPosition.ts"
import { fixed, struct, u64, u64Max } from "../../protocol/Struct.ts"
import type { StreamActor } from "./StreamActor.ts"

/** All ones in a field that may be absent: there is no value. */
const layout = struct({
  offset: u64,
  indexCount: u64,
  prevDataSeq: u64,
  prevIndexSeq: u64,
  receivedPacketSeqNum: u64,
  ctfStreamId: u64,
  beacon: u64,
  metadataReceived: u64,
  packetCount: u64,
  byteCount: u64,
  eventsDiscarded: u64,
  packetsLost: u64,
  nextSeqNum: u64,
  newestUntil: u64,
  recordCount: u64,
  leftCount: u64
})

const { decode, encode } = fixed(layout)

/** Follows the layout, once for each file that the stream has left: bytes of complete packets, and index records. */
const extent = fixed(struct({ offset: u64, recordCount: u64 }))
const extentBytes = 16

const numberOr = (value: number | undefined): bigint => (value === undefined ? u64Max : BigInt(value))
const unlessMax = (value: bigint): bigint | undefined => (value === u64Max ? undefined : value)

/** The stream's position. */
export const of = (stream: StreamActor): Uint8Array => {
  const { left } = stream.model
  return Buffer.concat([fixedPart(stream, left.count), ...(left.isFew ? left.extents.map(extentPart) : [])])
}

/** The same, for a stream that will begin in the trace chunk where this one is now. */
export const fromBeginning = (stream: StreamActor): Uint8Array => {
  const { left } = stream.model
  return Buffer.concat([fixedPart(stream, left.enough), ...left.extents.map(extentPart)])
}

const extentPart = ({ offset, recordCount }: FileExtent): Uint8Array =>
  extent.encode({ offset: BigInt(offset), recordCount: BigInt(recordCount) })

const fixedPart = (
  { byteCount, losses, model, newestUntil, packetCount }: StreamActor,
  leftCount: number
): Uint8Array =>
  encode({
    offset: BigInt(model.offset),
    indexCount: BigInt(model.indexCount),
    prevDataSeq: model.prevDataSeq,
    prevIndexSeq: model.prevIndexSeq,
    receivedPacketSeqNum: model.receivedPacketSeqNum ?? u64Max,
    ctfStreamId: model.ctfStreamId ?? u64Max,
    beacon: model.beacon ?? u64Max,
    metadataReceived: BigInt(model.metadataReceived),
    packetCount: BigInt(packetCount),
    byteCount: BigInt(byteCount),
    eventsDiscarded: BigInt(losses.eventsDiscarded),
    packetsLost: BigInt(losses.packetsLost),
    nextSeqNum: numberOr(losses.nextSeqNum),
    newestUntil: BigInt(newestUntil),
    recordCount: BigInt(model.recordCount),
    leftCount: BigInt(leftCount)
  })

const extentsOf = (bytes: Uint8Array): ReadonlyArray<FileExtent> => {
  const extents: Array<FileExtent> = []
  for (let at = layout.size; at + extentBytes <= bytes.length; at += extentBytes) {
    const { offset, recordCount } = Result.getOrThrow(extent.decode(bytes.subarray(at, at + extentBytes)))
    extents.push({ offset: Number(offset), recordCount: Number(recordCount) })
  }
  return extents
}

/** A history that says more is damaged: going through so many files would take hours. */
const leftCountMax = 1_000_000

/** Brings the stream to the position in `bytes`, from an earlier one in the same files. */
export const to = (stream: StreamActor, bytes: Uint8Array): void => {
  const decoded = decode(bytes)
  if (Result.isFailure(decoded)) return
  const at = decoded.success
  if (at.leftCount > leftCountMax) throw new RangeError(`a stream that has left ${at.leftCount} files`)
  const nextSeqNum = unlessMax(at.nextSeqNum)
  stream.losses.eventsDiscarded = Number(at.eventsDiscarded)
  stream.losses.packetsLost = Number(at.packetsLost)
  stream.losses.nextSeqNum = nextSeqNum === undefined ? undefined : Number(nextSeqNum)
  stream.packetCount = Number(at.packetCount)
  stream.byteCount = Number(at.byteCount)
  stream.newestUntil = Number(at.newestUntil)
  stream.advance({
    offset: Number(at.offset),
    recordCount: Number(at.recordCount),
    leftCount: Number(at.leftCount),
    left: extentsOf(bytes),
    indexCount: Number(at.indexCount),
    prevDataSeq: at.prevDataSeq,
    prevIndexSeq: at.prevIndexSeq,
    receivedPacketSeqNum: unlessMax(at.receivedPacketSeqNum),
    ctfStreamId: unlessMax(at.ctfStreamId),
    beacon: unlessMax(at.beacon),
    metadataReceived: Number(at.metadataReceived)
  })
}
