/**
 * A rehearsal: a relay of its own on loopback records a few thousand packets to `/dev/null`, so that the code every
 * packet runs through is compiled when the first target comes. A relay that has just started takes several times the
 * processor for each of its first thousand packets otherwise, and its targets' buffers overflow meanwhile.
 *
 * Nothing of it is seen: ports of its own, no file, no log line, no event. It goes on in small steps beside the relay
 * that serves, and whatever fails in it only ends it.
 */
import { Effect, Layer, Logger, type Scope } from "effect"
import type { RelayConfig } from "./config/RelayConfig.ts"
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
import * as Dial from "./transport/Dial.ts"
import type { TlsFailed } from "./transport/DialTls.ts"

/** What compilation needs to see: together a quarter of a second on an idle processor. */
const rehearsals = [
  { packetBytes: 4096, packetCount: 2500 },
  { packetBytes: 65_536, packetCount: 1500 }
] as const

const streamCount = 2
const minor = 11

/** Every file is the same bottomless one, written by the calls that write real ones. */
const bottomless = Layer.effect(
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
).pipe(Layer.provide(DiskFiles.layer))

const loopback = { host: "127.0.0.1", port: 0, family: 4 } as const

interface Command<Request> {
  readonly number: number
  readonly request: (minor: number) => { readonly encode: (value: Request) => Uint8Array }
}

const frame = <Request>({ number, request }: Command<Request>, value: Request): Buffer => {
  const payload = request(minor).encode(value)
  const dataSize = BigInt(payload.length)
  return Buffer.concat([Header.encode({ circuitId: 0n, dataSize, command: number, commandVersion: 0 }), payload])
}

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

/** One packet and its index, sent again and again with another number. */
const rehearsed = (relayStreamId: bigint, packetBytes: number) => {
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
  const number = (netSeqNum: bigint) => {
    packet.writeBigUInt64BE(netSeqNum, PacketHeader.offsets.netSeqNum)
    index.writeBigUInt64BE(netSeqNum, Header.size + SendIndex.offsets.netSeqNum)
  }
  return { packet: [packet], index: [index], number }
}

/** As a consumer daemon: a packet, its index, and the next one when the index is answered. Answers how many it were. */
const play = (
  { addresses }: Relay.Relay["Service"],
  packetBytes: number,
  packetCount: number
): Effect.Effect<number, TlsFailed | Dial.DialFailed | Dial.LinkLost, Scope.Scope> =>
  Effect.gen(function* () {
    const control = yield* Dial.dial(addresses.control)
    const data = yield* Dial.dial(addresses.data)
    const streams = (yield* introduce(control)).map((handle) => rehearsed(handle, packetBytes))
    for (let seq = 0n; seq < packetCount / streamCount; seq++) {
      for (const { packet, index, number } of streams) {
        number(seq)
        data.write(packet)
        control.write(index)
        yield* control.read(genericBytes)
      }
    }
    return packetCount
  })

/** Rehearses with the settings of the relay that serves; answers how many packets, 0 if it could not be. */
export const rehearse = (config: RelayConfig): Effect.Effect<number> =>
  Effect.gen(function* () {
    const relay = yield* Relay.Relay
    let count = 0
    for (const { packetBytes, packetCount } of rehearsals) {
      count += yield* Effect.scoped(play(relay, packetBytes, packetCount))
    }
    return count
  }).pipe(
    Effect.provide(
      Relay.layerNoDeps({
        ...config,
        output: "/dev/null",
        control: loopback,
        data: loopback,
        live: loopback,
        tls: undefined,
        access: undefined
      }).pipe(Layer.provide(bottomless))
    ),
    Effect.provide(Logger.layer([])),
    Effect.catchCause(() => Effect.succeed(0))
  )
