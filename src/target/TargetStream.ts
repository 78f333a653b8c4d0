/**
 * One stream of a target's session: packets with their indexes, beacons, metadata, close.
 *
 * A packet is written to the data connection, then its index to the control connection; indexes are not waited for one
 * by one, so a refusal surfaces at a later call on the same session. One packet of a stream is sent at a time.
 *
 * Order. Whatever is written is written in a turn of the session's `order`: a packet with its index, which nothing
 * divides; or a whole move between chunks. What a turn finds (open, rotatable, a handle) holds until its end.
 */
import { Effect, Schema, Semaphore } from "effect"
import { clockMillis } from "../Machine.ts"
import * as AddStream from "../protocol/control/AddStream.ts"
import * as CloseStream from "../protocol/control/CloseStream.ts"
import * as ResetMetadata from "../protocol/control/ResetMetadata.ts"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import * as SendMetadata from "../protocol/control/SendMetadata.ts"
import * as PacketHeader from "../protocol/data/PacketHeader.ts"
import { u64Max } from "../protocol/Struct.ts"
import type { Link } from "../transport/Dial.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import { AlreadyClosed, type AskFailed, type CommandFailed, type ControlClient, insisted } from "./ControlClient.ts"
import { type Packet, unless, unsayable, unsayableBytes, unsayableNumbers, unsayablePacket } from "./Packet.ts"
import type { RequestInvalid } from "./RequestInvalid.ts"
import * as Turns from "./Turns.ts"

/** The relay is too old, or the session of the wrong kind, for what was asked. */
export class NotNegotiated extends Schema.TaggedError<NotNegotiated>()("NotNegotiated", {
  feature: Schema.String,
  minor: Schema.Int
}) {
  override get message(): string {
    return `${this.feature} is not possible at protocol 2.${this.minor}`
  }
}

/** What the relay is told of a stream (streaming.md §6.2), and what the session asks of it. */
export interface StreamOptions {
  /** Relative to the trace chunk, as `ust/uid/0/64-bit`. */
  readonly path: string
  /** The file's name: channel and processor, as `channel0_1`. */
  readonly channel: string
  /** Bytes of a file of the stream's ring, and how many files there are; by default it has one file, which grows. */
  readonly tracefileSize?: bigint
  readonly tracefileCount?: bigint
  /** The CTF stream class and instance of its packets. */
  readonly classId?: bigint
  readonly instanceId?: bigint
  /** Called for each index with the milliseconds that its answer took. */
  readonly answered?: (millis: number) => void
  /**
   * Asked once per live period: the packet to send now, or nothing to have a beacon sent instead. One that cannot be
   * said or is refused ends the live timer, as a defect does, and fails the next `stored`, `rotate` or `close`.
   */
  readonly flush?: (now: bigint) => Effect.Effect<Packet | undefined>
  /** For a stream whose clock is not the session's: nothing older than this will follow. */
  readonly beaconTimestamp?: (now: bigint) => bigint
}

/** A stream of packets, in the order they are given. */
export interface DataStream {
  readonly options: StreamOptions
  /** Returns when the connection has room for the next; a refusal of its index surfaces at a later call. */
  readonly packet: (packet: Packet) => Effect.Effect<void, CommandFailed>
  /** Bytes that no index tells about: the packets of snapshots, and what a tracer left unfinished. */
  readonly unindexed: (bytes: Uint8Array, paddingBytes?: number) => Effect.Effect<void, CommandFailed>
  /** Tells viewers that nothing older than `timestamp` will come (streaming.md §6.6). */
  readonly beacon: (timestamp: bigint) => Effect.Effect<void, CommandFailed>
  readonly close: Effect.Effect<void, AskFailed>
}

/** The description of a trace, which grows. */
export interface MetadataStream {
  readonly path: string
  /** Whole metadata packets or text. */
  readonly append: (
    bytes: Uint8Array,
    paddingBytes?: number
  ) => Effect.Effect<void, ExchangeFailed | AlreadyClosed | RequestInvalid>
  /** Starts over, as `lttng regenerate metadata`: not for live sessions, not before 2.8. */
  readonly reset: Effect.Effect<void, CommandFailed | NotNegotiated>
  readonly close: Effect.Effect<void, AskFailed>
}

/** What the streams of a session share. */
export interface Wire {
  readonly control: ControlClient
  readonly data: Link
  readonly hasIndex: boolean
  readonly pathPrefix: string
  /** Held by whoever writes: see above. Nobody waits for a stream's lock inside a turn. */
  readonly order: Semaphore.Semaphore
  /** The session's orderly end has begun: nothing of the caller's is sent any more. */
  isClosing: boolean
  /** Index replies not yet looked at, oldest first. */
  readonly unsettled: Array<Effect.Effect<void, AskFailed>>
}

/** Index replies left unread before a packet waits for the oldest. */
const unsettledMax = 128

/** Waits until at most `left` of the replies that are unread now still are. Others go on sending meanwhile. */
export const settle = (wire: Wire, left = 0): Effect.Effect<void, AskFailed> =>
  Effect.gen(function* () {
    for (let due = wire.unsettled.length - left; due > 0; due--) {
      const oldest = wire.unsettled.shift()
      if (oldest === undefined) return
      // If the wait is interrupted nobody has heard the reply: the next call will.
      yield* Effect.onInterrupt(oldest, () => Effect.sync(() => wire.unsettled.unshift(oldest)))
    }
  })

/** A turn of writing, which an interruption does not divide. */
const inTurn = <A, E>(wire: Wire, turn: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Semaphore.withPermits(wire.order, 1)(Effect.uninterruptible(turn))

/** A turn that also waits for replies: an interruption neither divides it nor waits for them. */
export const inAskingTurn = <A, E>(wire: Wire, turn: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Turns.begun([wire.order], turn)

/** As `inAskingTurn`, once all earlier replies have come. */
export const inSettledTurn = <A, E>(wire: Wire, turn: Effect.Effect<A, E>): Effect.Effect<A, E | AskFailed> =>
  Turns.begun([wire.order], turn, settle(wire))

const unlessClosed = <A, E>(wire: Wire, what: string, isOpen: () => boolean, write: () => Effect.Effect<A, E>) =>
  Effect.suspend(
    (): Effect.Effect<A, E | AlreadyClosed> =>
      isOpen() && !wire.isClosing ? write() : Effect.fail(new AlreadyClosed({ what }))
  )

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
  readonly handle: () => bigint
  /** Number of the last packet whose index was sent too: what a pending check may ask for. */
  readonly lastPairedNetSeqNum: () => bigint
  readonly lastPacketSeqNum: () => bigint
  /** A rotation happens at an index: it needs one, and no bytes after it that have none. */
  readonly isRotatable: () => boolean
  readonly isOpen: () => boolean
  /** In a turn: closes and adds it again, in the session's current chunk. For a stream that cannot rotate. */
  readonly renew: Effect.Effect<void, AskFailed>
  /** In a turn: as `close`. */
  readonly closeNow: Effect.Effect<void, AskFailed>
  readonly tick: (now: bigint) => Effect.Effect<void, CommandFailed>
}

/** What a data stream has sent so far. */
interface Sent {
  handle: bigint
  netSeqNum: bigint
  /** Number of the last packet whose index was sent too. */
  pairedNetSeqNum: bigint
  packetSeqNum: bigint | undefined
  isOpen: boolean
}

const orNone = (seqNum: bigint) => (seqNum < 0n ? u64Max : seqNum)

/** Answers what is to be called when an answer arrives: it tells how long that took from now. */
const noteAnswer = ({ answered }: StreamOptions): (() => void) | undefined => {
  if (answered === undefined) return undefined
  const start = clockMillis()
  return () => answered(clockMillis() - start)
}

const makeSender = (wire: Wire, options: StreamOptions, state: Sent) => {
  const what = `stream ${options.path}/${options.channel}`
  const ifOpen = <A, E>(write: () => Effect.Effect<A, E>) => unlessClosed(wire, what, () => state.isOpen, write)
  const writeData = (bytes: Uint8Array, paddingSize: number) => {
    state.netSeqNum++
    const head = {
      circuitId: 0n,
      streamId: state.handle,
      netSeqNum: state.netSeqNum,
      dataSize: bytes.length,
      paddingSize
    }
    wire.data.write([PacketHeader.encode(head), bytes])
  }
  const writeIndex = (
    index: Omit<SendIndex.Writable, "relayStreamId" | "netSeqNum" | "streamId" | "streamInstanceId">
  ) => {
    const ids = { relayStreamId: state.handle, netSeqNum: orNone(state.netSeqNum), streamId: options.classId ?? 0n }
    const request = { ...ids, ...index, streamInstanceId: options.instanceId ?? 0n }
    return Effect.map(wire.control.start(SendIndex, request, noteAnswer(options)), (awaited) => {
      wire.unsettled.push(Effect.asVoid(Effect.flatMap(awaited, (reply) => insisted(SendIndex.name, reply))))
    })
  }
  const writePacket = (packet: Packet) => {
    const { bytes, paddingBytes = 0 } = packet
    writeData(bytes, paddingBytes)
    if (!wire.hasIndex) return Effect.void
    state.packetSeqNum = packet.packetSeqNum ?? (state.packetSeqNum === undefined ? 0n : state.packetSeqNum + 1n)
    state.pairedNetSeqNum = state.netSeqNum
    return writeIndex({
      packetSize: BigInt(bytes.length + paddingBytes) * 8n,
      contentSize: packet.contentBits ?? BigInt(bytes.length) * 8n,
      timestampBegin: packet.timestampBegin,
      timestampEnd: packet.timestampEnd,
      eventsDiscarded: packet.eventsDiscarded ?? 0n,
      packetSeqNum: state.packetSeqNum
    })
  }
  // The relay's pace is waited for outside the turn, so that others can write meanwhile.
  const paced = Effect.andThen(wire.data.drained, settle(wire, unsettledMax))
  const send = (packet: Packet) =>
    Effect.andThen(
      inTurn(
        wire,
        ifOpen(() => unless(unsayablePacket(packet), () => writePacket(packet)))
      ),
      paced
    )
  const sendUnindexed = (bytes: Uint8Array, paddingBytes: number) =>
    Effect.andThen(
      inTurn(
        wire,
        ifOpen(() =>
          unless(unsayableBytes("data", bytes, paddingBytes), () => Effect.sync(() => writeData(bytes, paddingBytes)))
        )
      ),
      paced
    )
  const sendBeacon = (timestampEnd: bigint) => {
    const none = { packetSize: 0n, contentSize: 0n, timestampBegin: 0n, eventsDiscarded: 0n, packetSeqNum: 0n }
    const beacon = inTurn(
      wire,
      ifOpen(() => unless(unsayableNumbers({ timestampEnd }), () => writeIndex({ ...none, timestampEnd })))
    )
    return Effect.andThen(beacon, settle(wire, unsettledMax))
  }
  const closeStream = Effect.suspend(() =>
    Effect.asVoid(wire.control.insist(CloseStream, { streamId: state.handle, lastNetSeqNum: orNone(state.netSeqNum) }))
  )
  return { send, sendUnindexed, sendBeacon, closeStream }
}

/** To be run in a turn: adds a data stream. */
export const makeData = (wire: Wire, options: StreamOptions): Effect.Effect<DataStreamState, AskFailed> =>
  Effect.gen(function* () {
    // These are sent with each index.
    const refusal = unsayable(SendIndex.name, { classId: options.classId, instanceId: options.instanceId })
    if (refusal !== undefined) return yield* refusal
    const lock = yield* Semaphore.make(1)
    const locked = Semaphore.withPermits(lock, 1)
    const { handle } = yield* addStream(wire, options)
    const state: Sent = { handle, netSeqNum: -1n, pairedNetSeqNum: -1n, packetSeqNum: undefined, isOpen: true }
    const { closeStream, send, sendBeacon, sendUnindexed } = makeSender(wire, options, state)
    const closeNow = Effect.suspend(() => {
      if (!state.isOpen) return Effect.void
      state.isOpen = false
      return closeStream
    })
    return {
      _tag: "Data",
      options,
      handle: () => state.handle,
      lastPairedNetSeqNum: () => orNone(wire.hasIndex ? state.pairedNetSeqNum : state.netSeqNum),
      lastPacketSeqNum: () => state.packetSeqNum ?? 0n,
      isRotatable: () => state.pairedNetSeqNum >= 0n && state.pairedNetSeqNum === state.netSeqNum,
      isOpen: () => state.isOpen,
      packet: (packet) => locked(send(packet)),
      unindexed: (bytes, paddingBytes = 0) => locked(sendUnindexed(bytes, paddingBytes)),
      beacon: (timestamp) => locked(sendBeacon(timestamp)),
      // The caller's flush is inside the stream's lock, so its packet keeps its place, but outside the turn.
      tick: (now) =>
        Effect.gen(function* () {
          if (!state.isOpen) return
          const packet = options.flush === undefined ? undefined : yield* options.flush(now)
          if (packet !== undefined) return yield* send(packet)
          yield* sendBeacon(options.beaconTimestamp?.(now) ?? now)
        }).pipe(locked),
      renew: Effect.gen(function* () {
        yield* closeStream
        state.handle = (yield* addStream(wire, options)).handle
        state.netSeqNum = -1n
        state.pairedNetSeqNum = -1n
      }),
      closeNow,
      close: locked(Effect.andThen(settle(wire), inAskingTurn(wire, closeNow)))
    }
  })

export interface MetadataStreamState extends MetadataStream {
  readonly _tag: "Metadata"
  readonly handle: () => bigint
  readonly isOpen: () => boolean
  /** In a turn: sends everything again, since a new trace chunk starts with an empty metadata file. */
  readonly repeat: Effect.Effect<void, AskFailed>
  /** In a turn: as `close`. */
  readonly closeNow: Effect.Effect<void, AskFailed>
}

/** To be run in a turn: adds a metadata stream. */
export const makeMetadata = (
  wire: Wire,
  path: string,
  canReset: boolean
): Effect.Effect<MetadataStreamState, AskFailed> =>
  Effect.gen(function* () {
    const { handle } = yield* addStream(wire, { path, channel: "metadata" })
    const kept: Array<{ readonly metadata: Uint8Array; readonly paddingSize: number }> = []
    let isOpen = true
    let version = 0n
    const turn = Semaphore.withPermits(wire.order, 1)
    const ifOpen = <A, E>(write: () => Effect.Effect<A, E>) =>
      unlessClosed(wire, `metadata stream ${path}`, () => isOpen, write)
    const closeNow = Effect.suspend(() => {
      if (!isOpen) return Effect.void
      isOpen = false
      return Effect.asVoid(wire.control.insist(CloseStream, { streamId: handle, lastNetSeqNum: u64Max }))
    })
    return {
      _tag: "Metadata",
      path,
      handle: () => handle,
      isOpen: () => isOpen,
      append: (metadata, paddingSize = 0) =>
        turn(
          ifOpen(() =>
            unless(unsayableBytes(SendMetadata.name, metadata, paddingSize), () => {
              kept.push({ metadata, paddingSize })
              return wire.control.sendMetadata({ streamId: handle, paddingSize, metadata })
            })
          )
        ),
      repeat: Effect.forEach(kept, (part) => wire.control.sendMetadata({ streamId: handle, ...part }), {
        discard: true
      }),
      reset: Effect.suspend((): Effect.Effect<void, CommandFailed | NotNegotiated> => {
        if (!canReset) {
          return Effect.fail(new NotNegotiated({ feature: "resetting metadata", minor: wire.control.minor }))
        }
        return inAskingTurn(
          wire,
          ifOpen(() => {
            kept.length = 0
            version++
            return Effect.asVoid(wire.control.insist(ResetMetadata, { streamId: handle, version }))
          })
        )
      }),
      closeNow,
      close: inAskingTurn(wire, closeNow)
    }
  })
