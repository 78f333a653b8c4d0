/**
 * A rehearsal: relays of its own on loopback record a few thousand packets to `/dev/null`, so that the code every
 * packet runs through is compiled when the first target comes. Otherwise a relay that has just started would take
 * several times the processor time for each of its first thousand packets, and its targets' buffers would overflow.
 *
 * Nothing of it is seen: ports of its own, no file, no log line, no event. It goes on in small steps beside the relay
 * that serves, and whatever fails in it only ends it.
 */
import { Effect, Layer, Logger, type Scope } from "effect"
import type { RelayConfig } from "./config/RelayConfig.ts"
import * as Report from "./errors/Report.ts"
import * as AddStream from "./protocol/control/AddStream.ts"
import * as CreateSession from "./protocol/control/CreateSession.ts"
import * as CreateTraceChunk from "./protocol/control/CreateTraceChunk.ts"
import * as SendIndex from "./protocol/control/SendIndex.ts"
import * as StreamsSent from "./protocol/control/StreamsSent.ts"
import * as Version from "./protocol/control/Version.ts"
import * as PacketHeader from "./protocol/data/PacketHeader.ts"
import * as Header from "./protocol/Header.ts"
import * as Relay from "./Relay.ts"
import * as DiskFiles from "./storage/DiskFiles.ts"
import { Files } from "./storage/Files.ts"
import type { Kind } from "./storage/Promptness.ts"
import * as Dial from "./transport/Dial.ts"
import type { TlsFailed } from "./transport/tls/DialTls.ts"

/**
 * What compilation needs to see: the code of a packet some thousand times, that of the sockets, which costs more, some
 * hundred times; files as in memory and as on a disk; and more than one relay, since code that knows the objects of one
 * alone is thrown away with the next. Together a quarter of a second on an idle processor.
 */
const rehearsals = [
  { kind: "memory", packetBytes: 4096, roundCount: 500, packetsAtOnce: 6 },
  { kind: "disk", packetBytes: 4096, roundCount: 500, packetsAtOnce: 6 },
  { kind: "disk", packetBytes: 65_536, roundCount: 500, packetsAtOnce: 1 }
] as const

/** What a client sends to a relay in a rehearsal. */
export interface Rehearsal {
  readonly packetBytes: number
  /** Number of rounds: a round is `packetsAtOnce` packets of one stream, their indexes, and the answers to these. */
  readonly roundCount: number
  /** Number of packets in a round. */
  readonly packetsAtOnce: number
}

/** Rounds between two looks at whether the rehearsal is over. */
const lookRoundCount = 16

const streamCount = 2
/** Minor version of the protocol: one with trace chunks and the longest index. */
const minor = 11

/** Files that are all `/dev/null`, written to as if on a device of that kind. */
export const bottomless = (kind: Kind) =>
  Layer.effect(
    Files,
    Effect.map(Files, (disk) =>
      Files.of({
        open: (_at, mode) => disk.open("/dev/null", mode === "read" ? "read" : "continue"),
        makeDirectory: () => Effect.void,
        rename: () => Effect.void,
        unlink: () => Effect.void,
        displace: () => Effect.void,
        removeDirectory: () => Effect.void,
        syncDirectory: () => Effect.void,
        list: () => Effect.succeed([]),
        size: () => Effect.succeed(0),
        resolve: Effect.succeed
      })
    )
  ).pipe(Layer.provide(DiskFiles.layerWith({ kindOf: () => kind, workers: 0 })))

/** Any free port of the loopback device. */
export const loopback = { host: "127.0.0.1", port: 0 } as const

interface Command<Request> {
  readonly number: number
  readonly request: (minor: number) => { readonly encode: (value: Request) => Uint8Array }
}

const frame = <Request>({ number, request }: Command<Request>, value: Request): Buffer =>
  Buffer.concat(Header.message(number, request(minor).encode(value)))

/** Length of the reply to most commands: a return code. */
const genericBytes = 4

const ask = <Request>(link: Dial.Link, command: Command<Request>, value: Request, replyBytes = genericBytes) =>
  Effect.suspend(() => {
    link.write([frame(command, value)])
    return Effect.map(link.read(replyBytes), (reply) => new DataView(reply.buffer, reply.byteOffset, replyBytes))
  })

const session = {
  sessionName: "warmup",
  hostname: "warmup",
  basePath: "",
  liveTimer: 0,
  snapshot: false,
  nameContainsCreationTime: false,
  sessiondUuid: "00000000-0000-4000-8000-000000000001",
  sessionId: 1n,
  creationTime: 0n,
  currentChunkId: undefined,
  traceFormat: 1
} as const

/** Opens a session; answers its streams' handles. */
const introduce = Effect.fnUntraced(function* (control: Dial.Link) {
  yield* ask(control, Version, { major: 2, minor }, 8)
  const created = yield* ask(control, CreateSession, session, 16)
  yield* control.read(created.getUint32(12))
  yield* ask(control, CreateTraceChunk, { chunkId: 0n, creationTimestamp: 0n, overrideName: undefined })
  const handles: Array<bigint> = []
  for (let stream = 0; stream < streamCount; stream++) {
    const names = { channelName: `warmup_${stream}`, pathname: "ust" }
    const limits = { tracefileSize: 0n, tracefileCount: 0n, traceChunkId: 0n }
    handles.push((yield* ask(control, AddStream, { ...names, ...limits }, 12)).getBigUint64(0))
  }
  yield* ask(control, StreamsSent, {})
  return handles
})

/** A round's packets and indexes, which are sent again and again with the numbers that `number` writes into them. */
const rehearsed = (relayStreamId: bigint, { packetBytes, packetsAtOnce }: Rehearsal) => {
  const bits = BigInt(packetBytes * 8)
  const head = { circuitId: 0n, streamId: relayStreamId, netSeqNum: 0n, dataSize: packetBytes, paddingSize: 0 }
  const packet = Buffer.concat([PacketHeader.encode(head), Buffer.alloc(packetBytes)])
  const index = frame(SendIndex, {
    relayStreamId,
    netSeqNum: 0n,
    packetSize: bits,
    contentSize: bits,
    timestampBegin: 1n,
    timestampEnd: 2n,
    eventsDiscarded: 0n,
    streamId: 0n,
    streamInstanceId: 0n,
    packetSeqNum: 0n
  })
  const packets = Buffer.concat(Array.from({ length: packetsAtOnce }, () => packet))
  const indexes = Buffer.concat(Array.from({ length: packetsAtOnce }, () => index))
  const number = (round: number) => {
    for (let at = 0; at < packetsAtOnce; at++) {
      const seq = BigInt(round * packetsAtOnce + at)
      packets.writeBigUInt64BE(seq, at * packet.length + PacketHeader.offsets.netSeqNum)
      indexes.writeBigUInt64BE(seq, at * index.length + Header.size + SendIndex.offsets.netSeqNum)
    }
  }
  return { packet: [packets], index: [indexes], number }
}

/**
 * Sends as a consumer daemon does: packets, their indexes, and the next ones when those are answered, to one stream
 * after the other. Answers how many packets there were.
 */
export const play = (
  { addresses }: Relay.Relay["Service"],
  rehearsal: Rehearsal,
  isOver: Effect.Effect<boolean>,
  /** Waited for once the session is there. */
  ready: Effect.Effect<void> = Effect.void
): Effect.Effect<number, TlsFailed | Dial.DialFailed | Dial.LinkLost, Scope.Scope> =>
  Effect.gen(function* () {
    const { packetsAtOnce, roundCount } = rehearsal
    const control = yield* Dial.dial(addresses.control)
    const data = yield* Dial.dial(addresses.data)
    const streams = (yield* introduce(control)).map((handle) => rehearsed(handle, rehearsal))
    yield* ready
    let round = 0
    for (; round < roundCount / streamCount; round++) {
      if (round % lookRoundCount === 0 && (yield* isOver)) break
      for (const { packet, index, number } of streams) {
        number(round)
        // An index may be read before its packet.
        if (round % 2 === 0) control.write(index)
        data.write(packet)
        if (round % 2 === 1) control.write(index)
        yield* control.read(genericBytes * packetsAtOnce)
      }
    }
    return round * streamCount * packetsAtOnce
  })

/**
 * Rehearses with the settings of the relay that serves, until `isOver`: real packets have the code compiled as well,
 * and need the processor. Answers how many packets there were.
 */
export const rehearse = (config: RelayConfig, isOver = Effect.succeed(false)): Effect.Effect<number> =>
  Effect.gen(function* () {
    let count = 0
    for (const rehearsal of rehearsals) if (!(yield* isOver)) count += yield* once(config, rehearsal, isOver)
    return count
  })

/** What is logged and counted within is neither seen nor counted without. */
export const unseen = Layer.mergeAll(
  Logger.layer([]),
  Layer.sync(Report.Counts, () => new Map())
)

/** Plays one rehearsal to a relay of its own. Answers how many packets there were: 0 if anything failed. */
const once = (
  config: RelayConfig,
  rehearsal: (typeof rehearsals)[number],
  isOver: Effect.Effect<boolean>
): Effect.Effect<number> =>
  Effect.flatMap(Relay.Relay, (relay) => Effect.scoped(play(relay, rehearsal, isOver))).pipe(
    Effect.provide(
      Relay.layerNoDeps({
        ...config,
        output: "/dev/null",
        control: loopback,
        data: loopback,
        live: loopback,
        tls: undefined,
        access: undefined
      }).pipe(Layer.provide(bottomless(rehearsal.kind)))
    ),
    Effect.provide(unseen),
    Effect.catchCause(() => Effect.succeed(0))
  )
