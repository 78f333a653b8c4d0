/**
 * One stream of a target's session: packets with their indexes, beacons, metadata, close.
 *
 * A packet is written to the data connection, then its index to the control connection; indexes are not waited for one
 * by one, so a refusal surfaces at a later call on the same session. One packet of a stream is sent at a time.
 */
import { Effect, Schema, Semaphore } from "effect"
import * as AddStream from "../protocol/control/AddStream.ts"
import * as CloseStream from "../protocol/control/CloseStream.ts"
import * as ResetMetadata from "../protocol/control/ResetMetadata.ts"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import * as PacketHeader from "../protocol/data/PacketHeader.ts"
import { u64Max } from "../protocol/Struct.ts"
import type { Link, LinkLost } from "../transport/Dial.ts"
import type { CommandFailed, ControlClient } from "./ControlClient.ts"

/** The relay is too old, or the session of the wrong kind, for what was asked. */
export class NotNegotiated extends Schema.TaggedError<NotNegotiated>()("NotNegotiated", {
  feature: Schema.String,
  minor: Schema.Int
}) {
  override get message(): string {
    return `${this.feature} is not possible at protocol 2.${this.minor}`
  }
}

export interface Packet {
  /** Not to be changed before the connection has sent it. */
  readonly bytes: Uint8Array
  /** Zeroes the relay appends in the file; they are not sent. */
  readonly paddingBytes?: number
  /** The whole of `bytes` where not given. */
  readonly contentBits?: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  /** The stream's counter, so never less than in the packet before. */
  readonly eventsDiscarded?: bigint
  /** One more than in the packet before where not given. */
  readonly packetSeqNum?: bigint
}

export interface StreamOptions {
  /** Relative to the trace chunk, as `ust/uid/0/64-bit`. */
  readonly path: string
  /** The file's name: channel and processor, as `channel0_1`. */
  readonly channel: string
  readonly tracefileSize?: bigint
  readonly tracefileCount?: bigint
  /** The CTF stream class and instance of its packets. */
  readonly classId?: bigint
  readonly instanceId?: bigint
  /** Asked once per live period: the packet to send now, or nothing to have a beacon sent instead. */
  readonly flush?: (now: bigint) => Effect.Effect<Packet | undefined>
  /** For a stream whose clock is not the session's: nothing older than this will follow. */
  readonly beaconTimestamp?: (now: bigint) => bigint
}

export interface DataStream {
  readonly options: StreamOptions
  readonly packet: (packet: Packet) => Effect.Effect<void, CommandFailed>
  /** Bytes that no index tells about: the packets of snapshots, and what a tracer left unfinished. */
  readonly unindexed: (bytes: Uint8Array, paddingBytes?: number) => Effect.Effect<void, CommandFailed>
  readonly beacon: (timestamp: bigint) => Effect.Effect<void, CommandFailed>
  readonly close: Effect.Effect<void, CommandFailed>
}

export interface MetadataStream {
  readonly path: string
  /** Whole metadata packets or text. */
  readonly append: (bytes: Uint8Array, paddingBytes?: number) => Effect.Effect<void, CommandFailed>
  /** Starts over, as `lttng regenerate metadata`: not for live sessions, not before 2.8. */
  readonly reset: Effect.Effect<void, CommandFailed | NotNegotiated>
  readonly close: Effect.Effect<void, CommandFailed>
}

/** What the streams of a session share. */
export interface Wire {
  readonly control: ControlClient
  readonly data: Link
  readonly hasIndex: boolean
  readonly pathPrefix: string
  /** Index replies not yet looked at, oldest first. */
  readonly unsettled: Array<Effect.Effect<void, CommandFailed>>
}

/** Index replies left unread before a packet waits for the oldest. */
const unsettledMax = 128

/** Waits for replies until at most `left` are unread. */
export const settle = (wire: Wire, left = 0): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    while (wire.unsettled.length > left) {
      const oldest = wire.unsettled.shift()
      if (oldest !== undefined) yield* oldest
    }
  })

const addStream = (wire: Wire, options: StreamOptions) =>
  wire.control.insist(AddStream, {
    channelName: options.channel,
    pathname: `${wire.pathPrefix}${options.path}`,
    tracefileSize: options.tracefileSize ?? 0n,
    tracefileCount: options.tracefileCount ?? 0n,
    traceChunkId: 0n
  })

/** The session's view of a data stream: what rotations and pending checks need. */
export interface DataStreamState extends DataStream {
  readonly _tag: "Data"
  readonly lock: Semaphore.Semaphore
  readonly handle: () => bigint
  /** Of the last packet whose index was sent too: what a pending check may ask for. */
  readonly lastPairedNetSeqNum: () => bigint
  readonly lastPacketSeqNum: () => bigint
  /** A rotation happens at an index: it needs one, and no bytes behind it that have none. */
  readonly isRotatable: () => boolean
  readonly isOpen: () => boolean
  /** Closes and adds it again, in the session's current chunk. For a stream that cannot rotate. */
  readonly renew: Effect.Effect<void, CommandFailed>
  readonly tick: (now: bigint) => Effect.Effect<void, CommandFailed>
}

/** What a data stream has sent so far. */
interface Sent {
  handle: bigint
  netSeqNum: bigint
  /** Of the last packet whose index was sent too. */
  pairedNetSeqNum: bigint
  packetSeqNum: bigint | undefined
}

const orNone = (seqNum: bigint) => (seqNum < 0n ? u64Max : seqNum)

const makeSender = (wire: Wire, options: StreamOptions, state: Sent) => {
  const classId = options.classId ?? 0n
  const sendData = (bytes: Uint8Array, paddingSize: number) =>
    Effect.suspend((): Effect.Effect<void, LinkLost> => {
      state.netSeqNum++
      const head = {
        circuitId: 0n,
        streamId: state.handle,
        netSeqNum: state.netSeqNum,
        dataSize: bytes.length,
        paddingSize
      }
      wire.data.write([PacketHeader.encode(head), bytes])
      return wire.data.drained
    })
  const sendIndex = (index: Omit<SendIndex.Request, "relayStreamId" | "netSeqNum" | "streamId" | "streamInstanceId">) =>
    Effect.gen(function* () {
      const ids = { relayStreamId: state.handle, netSeqNum: orNone(state.netSeqNum), streamId: classId }
      const request = { ...ids, ...index, streamInstanceId: options.instanceId ?? 0n }
      wire.unsettled.push(yield* wire.control.start(SendIndex, request))
      yield* settle(wire, unsettledMax)
    })
  const send = (packet: Packet) =>
    Effect.gen(function* () {
      const { bytes, paddingBytes = 0 } = packet
      const sent = sendData(bytes, paddingBytes)
      if (!wire.hasIndex) return yield* sent
      state.packetSeqNum = packet.packetSeqNum ?? (state.packetSeqNum === undefined ? 0n : state.packetSeqNum + 1n)
      yield* sent
      state.pairedNetSeqNum = state.netSeqNum
      yield* sendIndex({
        packetSize: BigInt(bytes.length + paddingBytes) * 8n,
        contentSize: packet.contentBits ?? BigInt(bytes.length) * 8n,
        timestampBegin: packet.timestampBegin,
        timestampEnd: packet.timestampEnd,
        eventsDiscarded: packet.eventsDiscarded ?? 0n,
        packetSeqNum: state.packetSeqNum
      })
    })
  const sendBeacon = (timestampEnd: bigint) =>
    sendIndex({
      packetSize: 0n,
      contentSize: 0n,
      timestampBegin: 0n,
      timestampEnd,
      eventsDiscarded: 0n,
      packetSeqNum: 0n
    })
  const closeStream = Effect.suspend(() =>
    Effect.asVoid(wire.control.insist(CloseStream, { streamId: state.handle, lastNetSeqNum: orNone(state.netSeqNum) }))
  )
  return { sendData, send, sendBeacon, closeStream }
}

export const makeData = (wire: Wire, options: StreamOptions): Effect.Effect<DataStreamState, CommandFailed> =>
  Effect.gen(function* () {
    const lock = yield* Semaphore.make(1)
    const { handle } = yield* addStream(wire, options)
    const state: Sent = { handle, netSeqNum: -1n, pairedNetSeqNum: -1n, packetSeqNum: undefined }
    const { closeStream, send, sendBeacon, sendData } = makeSender(wire, options, state)
    let isOpen = true
    return {
      _tag: "Data",
      options,
      lock,
      handle: () => state.handle,
      lastPairedNetSeqNum: () => orNone(wire.hasIndex ? state.pairedNetSeqNum : state.netSeqNum),
      lastPacketSeqNum: () => state.packetSeqNum ?? 0n,
      isRotatable: () => state.pairedNetSeqNum >= 0n && state.pairedNetSeqNum === state.netSeqNum,
      isOpen: () => isOpen,
      packet: (packet) => Semaphore.withPermits(lock, 1)(send(packet)),
      unindexed: (bytes, paddingBytes = 0) => Semaphore.withPermits(lock, 1)(sendData(bytes, paddingBytes)),
      beacon: (timestamp) => Semaphore.withPermits(lock, 1)(sendBeacon(timestamp)),
      tick: (now) =>
        Effect.gen(function* () {
          if (!isOpen) return
          const packet = options.flush === undefined ? undefined : yield* options.flush(now)
          if (packet !== undefined) return yield* send(packet)
          yield* sendBeacon(options.beaconTimestamp?.(now) ?? now)
        }).pipe(Semaphore.withPermits(lock, 1)),
      renew: Effect.gen(function* () {
        yield* closeStream
        state.handle = (yield* addStream(wire, options)).handle
        state.netSeqNum = -1n
        state.pairedNetSeqNum = -1n
      }),
      close: Effect.gen(function* () {
        if (!isOpen) return
        isOpen = false
        yield* settle(wire)
        yield* closeStream
      }).pipe(Semaphore.withPermits(lock, 1))
    }
  })

export interface MetadataStreamState extends MetadataStream {
  readonly _tag: "Metadata"
  readonly handle: () => bigint
  readonly isOpen: () => boolean
  /** Sends everything again: a new trace chunk starts with an empty metadata file. */
  readonly repeat: Effect.Effect<void, CommandFailed>
}

export const makeMetadata = (
  wire: Wire,
  path: string,
  canReset: boolean
): Effect.Effect<MetadataStreamState, CommandFailed> =>
  Effect.gen(function* () {
    const { handle } = yield* addStream(wire, { path, channel: "metadata" })
    const kept: Array<{ readonly metadata: Uint8Array; readonly paddingSize: number }> = []
    let isOpen = true
    let version = 0n
    return {
      _tag: "Metadata",
      path,
      handle: () => handle,
      isOpen: () => isOpen,
      append: (metadata, paddingSize = 0) => {
        kept.push({ metadata, paddingSize })
        return wire.control.sendMetadata({ streamId: handle, paddingSize, metadata })
      },
      repeat: Effect.forEach(kept, (part) => wire.control.sendMetadata({ streamId: handle, ...part }), {
        discard: true
      }),
      reset: Effect.suspend((): Effect.Effect<void, CommandFailed | NotNegotiated> => {
        if (!canReset) {
          return Effect.fail(new NotNegotiated({ feature: "resetting metadata", minor: wire.control.minor }))
        }
        kept.length = 0
        version++
        return Effect.asVoid(wire.control.insist(ResetMetadata, { streamId: handle, version }))
      }),
      close: Effect.suspend(() => {
        if (!isOpen) return Effect.void
        isOpen = false
        return Effect.asVoid(wire.control.insist(CloseStream, { streamId: handle, lastNetSeqNum: u64Max }))
      })
    }
  })
