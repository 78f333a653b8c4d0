/**
 * Real messages. Unless `origin` says otherwise, the bytes were captured between the 2.13.9 session daemon, consumer
 * daemon or babeltrace2 and the 2.13.9 relay daemon. "laid out" are bytes written by hand from the layout's table, for
 * versions no installed peer speaks. Control and viewer headers are left out: they have goldens of their own.
 */
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import * as control from "../../src/protocol/control/index.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as EdgeReport from "../../src/protocol/journal/EdgeReport.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import * as live from "../../src/protocol/live/index.ts"
import { fixed, type Layout, u64Max } from "../../src/protocol/Struct.ts"

export interface Golden {
  readonly name: string
  readonly origin: "captured" | "laid out"
  readonly layout: Pick<Layout<unknown>, "decode" | "encode">
  readonly bytes: Uint8Array
  readonly value: unknown
  /** The sender left memory of its own in padding, which we write as zeroes. */
  readonly isUnclean: boolean
}

/** Hexadecimal digits with blanks anywhere; `"text"` stands for its characters and `00*n` for n zeroes. */
export const hex = (source: string): Uint8Array => {
  const parts = source.match(/"[^"]*"|00\*\d+|[0-9a-f]{2}/g) ?? []
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (part.startsWith('"')) return [...Buffer.from(part.slice(1, -1))]
      if (part.includes("*")) return new Array<number>(Number(part.slice(3))).fill(0)
      return [Number.parseInt(part, 16)]
    })
  )
}

const golden = <A, I extends A>(
  name: string,
  layout: Pick<Layout<A, I>, "decode" | "encode">,
  source: string,
  value: A,
  more: Partial<Golden> = {}
): Golden => ({
  name,
  origin: "captured",
  layout: layout as unknown as Layout<unknown>,
  bytes: hex(source),
  value,
  isUnclean: false,
  ...more
})

const session = {
  sessionName: "s1",
  hostname: "vm",
  basePath: "",
  liveTimer: 0,
  snapshot: false,
  nameContainsCreationTime: false,
  sessiondUuid: "41e5e344992c4675aea6d7f9749e7de5",
  sessionId: 0n,
  creationTime: 0x6b00f426n,
  currentChunkId: undefined,
  traceFormat: 1 as const
}
const older = { ...session, sessiondUuid: undefined, sessionId: undefined, creationTime: undefined }
const named = "41e5e344992c4675aea6d7f9749e7de5 0000000000000000 000000006b00f426"

const sessions: ReadonlyArray<Golden> = [
  golden("control header", Header, "0000000000000000 0000000000000042 00000002 00000000", {
    circuitId: 0n,
    dataSize: 66n,
    command: 2,
    commandVersion: 0
  }),
  golden("VERSION", control.Version.request(0), "00000002 0000000d", { major: 2, minor: 13 }),
  golden("GET_CONFIGURATION", control.GetConfiguration.request(13), "0000000000000000", { queryFlags: 0n }),
  golden("GET_CONFIGURATION's reply", control.GetConfiguration.reply(13), "0000000a 0000000000000001", {
    returnCode: 10,
    configurationFlags: control.GetConfiguration.clearAllowed
  }),
  golden(
    "CREATE_SESSION of minor 13",
    control.CreateSession.request(13),
    `00000003 00000003 00000001 00000000 00 00 ${named} 00 0000000000000000 7331 00 766d 00 00`,
    session
  ),
  golden(
    "CREATE_SESSION of minor 15, in a chunk, CTF 2",
    control.CreateSession.request(15),
    `00000003 00000003 0000000d 000f4240 01 01 ${named} 01 0000000000000007 00000002
     "s1" 00 "vm" 00 "my/base/path" 00`,
    {
      ...session,
      basePath: "my/base/path",
      liveTimer: 1_000_000,
      snapshot: true,
      nameContainsCreationTime: true,
      currentChunkId: 7n,
      traceFormat: 2 as const
    },
    { origin: "laid out" }
  ),
  golden(
    "CREATE_SESSION of minor 10",
    control.CreateSession.request(10),
    `"old10" 00*250 "vm" 00*62 00000000 00000000`,
    { ...older, sessionName: "old10" }
  ),
  golden("CREATE_SESSION of minor 3", control.CreateSession.request(3), "", {
    ...older,
    sessionName: "",
    hostname: ""
  }),
  golden(
    "CREATE_SESSION's reply, minor 13",
    control.CreateSession.reply(13),
    "0000000000000001 0000000a 00000016 766d2f73312d32303236313132312d30313330313400",
    { sessionId: 1n, returnCode: 10, outputPath: "vm/s1-20261121-013014" }
  ),
  golden("CREATE_SESSION's refusal, minor 13", control.CreateSession.reply(13), "0000000000000000 00000019 00000000", {
    sessionId: 0n,
    returnCode: 25,
    outputPath: undefined
  }),
  golden("CREATE_SESSION's reply, minor 10", control.CreateSession.reply(10), "0000000000000001 0000000a", {
    sessionId: 1n,
    returnCode: 10,
    outputPath: undefined
  })
]

const stream = { tracefileSize: 0n, tracefileCount: 0n, traceChunkId: 0n }
const oldPath = "/vm/old10-20261121-013228//ust/uid/0/64-bit"
const index = {
  relayStreamId: 1n,
  netSeqNum: 0n,
  packetSize: 0x8000n,
  contentSize: 0xa88n,
  timestampBegin: 0x9fafc27661n,
  timestampEnd: 0x9ffec82bc7n,
  eventsDiscarded: 0n,
  streamId: 0n,
  streamInstanceId: 0n,
  packetSeqNum: 0n
}
const beacon = { ...index, packetSize: 0n, contentSize: 0n, timestampBegin: 0n }

const streams: ReadonlyArray<Golden> = [
  golden(
    "ADD_STREAM of minor 13",
    control.AddStream.request(13),
    `0000000b 00000011 0000000000000000 0000000000000000 0000000000000000
     6368616e6e656c305f3000 7573742f7569642f302f36342d62697400`,
    { ...stream, channelName: "channel0_0", pathname: "ust/uid/0/64-bit" }
  ),
  golden(
    "ADD_STREAM with a ring of tracefiles",
    control.AddStream.request(13),
    `00000006 00000011 0000000000002000 0000000000000003 0000000000000000 "chT_0" 00 "ust/uid/0/64-bit" 00`,
    { ...stream, tracefileSize: 8192n, tracefileCount: 3n, channelName: "chT_0", pathname: "ust/uid/0/64-bit" }
  ),
  golden(
    "ADD_STREAM of minor 10",
    control.AddStream.request(10),
    `"chO_0" 00*259 "${oldPath}" 00*${4096 - oldPath.length} 00*16`,
    { ...stream, traceChunkId: undefined, channelName: "chO_0", pathname: oldPath }
  ),
  golden(
    "ADD_STREAM of minor 1",
    control.AddStream.request(1),
    `"chO_0" 00*259 "kernel" 00*4090`,
    { ...stream, traceChunkId: undefined, channelName: "chO_0", pathname: "kernel" },
    { origin: "laid out" }
  ),
  golden("ADD_STREAM's reply", control.AddStream.reply(13), "0000000000000001 0000000a", {
    handle: 1n,
    returnCode: 10
  }),
  golden("STREAMS_SENT", control.StreamsSent.request(13), "", {}),
  golden("generic reply", control.StreamsSent.reply(13), "0000000a", { returnCode: 10 }),
  golden(
    "SEND_METADATA",
    control.SendMetadata.request(13),
    `0000000000000003 00000546 571dd175 c568735c "/* CTF 1.8 */"`,
    { streamId: 3n, paddingSize: 1350, metadata: hex(`571dd175 c568735c "/* CTF 1.8 */"`) }
  ),
  golden("RESET_METADATA", control.ResetMetadata.request(13), "0000000000000003 0000000000000001", {
    streamId: 3n,
    version: 1n
  }),
  golden(
    "SEND_INDEX of a live session",
    control.SendIndex.request(13),
    `0000000000000001 0000000000000000 0000000000008000 0000000000000a88
     0000009fafc27661 0000009ffec82bc7 0000000000000000 0000000000000000 0000000000000000 0000000000000000`,
    index
  ),
  golden(
    "a beacon",
    control.SendIndex.request(13),
    `0000000000000002 0000000000000000 0000000000000000 0000000000000000
     0000000000000000 000001b585040c84 0000000000000000 0000000000000000 0000000000000000 0000000000000000`,
    { ...beacon, relayStreamId: 2n, timestampEnd: 0x1b585040c84n }
  ),
  golden(
    "the beacon behind an INACTIVE reply",
    control.SendIndex.request(13),
    "0000000000000001 0000000000000001 00*24 000000a7a3fed23a 00*32",
    { ...beacon, netSeqNum: 1n, timestampEnd: 0xa7a3fed23an }
  ),
  golden(
    "SEND_INDEX of minor 7",
    control.SendIndex.request(7),
    `0000000000000002 0000000000000000 0000000000008000 0000000000000a88
     000000c03adba6ce 000000c053059c29 0000000000000000 0000000000000000`,
    {
      ...index,
      relayStreamId: 2n,
      timestampBegin: 0xc03adba6cen,
      timestampEnd: 0xc053059c29n,
      streamInstanceId: undefined,
      packetSeqNum: undefined
    }
  ),
  golden("CLOSE_STREAM of metadata", control.CloseStream.request(13), "0000000000000003 ffffffffffffffff", {
    streamId: 3n,
    lastNetSeqNum: u64Max
  }),
  golden("CLOSE_STREAM", control.CloseStream.request(13), "0000000000000001 0000000000000005", {
    streamId: 1n,
    lastNetSeqNum: 5n
  }),
  golden("BEGIN_DATA_PENDING", control.BeginDataPending.request(13), "0000000000000001", { sessionId: 1n }),
  golden("DATA_PENDING", control.DataPending.request(13), "0000000000000001 0000000000000005", {
    streamId: 1n,
    lastNetSeqNum: 5n
  }),
  golden("DATA_PENDING's answer for an unknown stream", control.DataPending.reply(13), "ffffffff", {
    returnCode: 0xffff_ffff
  }),
  golden("QUIESCENT_CONTROL", control.QuiescentControl.request(13), "0000000000000003", { streamId: 3n }),
  golden("END_DATA_PENDING", control.EndDataPending.request(13), "0000000000000001", { sessionId: 1n })
]

const chunks: ReadonlyArray<Golden> = [
  golden(
    "ROTATE_STREAMS to no chunk",
    control.RotateStreams.request(13),
    `00000002 00 000000df12c5eb 0000000000000000
     0000000000000001 0000000000000001 0000000000000002 0000000000000001`,
    {
      newChunkId: undefined,
      positions: [
        { streamId: 1n, rotateAtSeqNum: 1n },
        { streamId: 2n, rotateAtSeqNum: 1n }
      ]
    },
    { isUnclean: true }
  ),
  golden(
    "ROTATE_STREAMS of two data streams",
    control.RotateStreams.request(13),
    `00000002 01 000000df12c5eb 0000000000000001
     0000000000000001 0000000000000001 0000000000000002 0000000000000001`,
    {
      newChunkId: 1n,
      positions: [
        { streamId: 1n, rotateAtSeqNum: 1n },
        { streamId: 2n, rotateAtSeqNum: 1n }
      ]
    },
    { isUnclean: true }
  ),
  golden(
    "ROTATE_STREAMS of metadata",
    control.RotateStreams.request(13),
    "00000001 01 7f00003942bfeb 0000000000000001 0000000000000003 0000000000000000",
    { newChunkId: 1n, positions: [{ streamId: 3n, rotateAtSeqNum: 0n }] },
    { isUnclean: true }
  ),
  golden("CREATE_TRACE_CHUNK", control.CreateTraceChunk.request(13), "0000000000000000 000000006b00f427 00000000", {
    chunkId: 0n,
    creationTimestamp: 0x6b00f427n,
    overrideName: undefined
  }),
  golden(
    "CREATE_TRACE_CHUNK of a snapshot",
    control.CreateTraceChunk.request(13),
    `0000000000000000 000000006b00f499 0000001d "snapshot-1-20261121-013209-0" 00`,
    { chunkId: 0n, creationTimestamp: 0x6b00f499n, overrideName: "snapshot-1-20261121-013209-0" }
  ),
  golden("CLOSE_TRACE_CHUNK that moves", control.CloseTraceChunk.request(13), "00*8 000000006b00f428 01 00000000", {
    chunkId: 0n,
    closeTimestamp: 0x6b00f428n,
    closeCommand: control.CloseTraceChunk.CloseCommand.moveToCompleted as number
  }),
  golden(
    "CLOSE_TRACE_CHUNK that deletes",
    control.CloseTraceChunk.request(13),
    "0000000000000002 000000006b00f42a 01 00000002",
    {
      chunkId: 2n,
      closeTimestamp: 0x6b00f42an,
      closeCommand: control.CloseTraceChunk.CloseCommand.delete as number
    }
  ),
  golden(
    "CLOSE_TRACE_CHUNK without a command",
    control.CloseTraceChunk.request(13),
    "0000000000000000 000000006b00f499 00 00000000",
    { chunkId: 0n, closeTimestamp: 0x6b00f499n, closeCommand: undefined }
  ),
  golden(
    "CLOSE_TRACE_CHUNK's reply",
    control.CloseTraceChunk.reply(13),
    `0000000a 0000004b "vm/s1-20261121-013014/archives/20261121T013017+0000-20261121T013017+0000-1" 00`,
    { returnCode: 10, path: "vm/s1-20261121-013014/archives/20261121T013017+0000-20261121T013017+0000-1" }
  ),
  golden("CLOSE_TRACE_CHUNK of an unknown chunk", control.CloseTraceChunk.reply(13), "0000001a 00000000", {
    returnCode: 26,
    path: undefined
  }),
  golden("TRACE_CHUNK_EXISTS", control.TraceChunkExists.request(13), "0000000000000001", { chunkId: 1n }),
  golden("TRACE_CHUNK_EXISTS's reply", control.TraceChunkExists.reply(13), "0000000a 00", {
    returnCode: 10,
    exists: false
  })
]

const files: ReadonlyArray<Golden> = [
  golden("data packet header", PacketHeader, "0000000000000000 0000000000000001 0000000000000000 00000151 00000eaf", {
    circuitId: 0n,
    streamId: 1n,
    netSeqNum: 0n,
    dataSize: 337,
    paddingSize: 3759
  }),
  golden("index file header", fixed(CtfIndex.header), "c1f1dcc1 00000001 00000001 00000048", {
    magic: CtfIndex.magic,
    indexMajor: 1,
    indexMinor: 1,
    packetIndexLength: 72
  }),
  golden(
    "index file record",
    fixed(CtfIndex.record11),
    `0000000000001000 0000000000008000 0000000000000a88 000000a03feb6457 000000a0452c747c
     0000000000000000 0000000000000000 0000000000000001 0000000000000002`,
    {
      offset: 4096n,
      packetSize: 0x8000n,
      contentSize: 0xa88n,
      timestampBegin: 0xa03feb6457n,
      timestampEnd: 0xa0452c747cn,
      eventsDiscarded: 0n,
      streamId: 0n,
      streamInstanceId: 1n,
      packetSeqNum: 2n
    }
  )
]

const noIndex = {
  offset: 0n,
  packetSize: 0n,
  contentSize: 0n,
  timestampBegin: 0n,
  timestampEnd: 0n,
  eventsDiscarded: 0n,
  streamId: 0n,
  flags: 0
}
const { Status, Flags } = live.GetNextIndex

const viewer: ReadonlyArray<Golden> = [
  golden("viewer request header", live.RequestHeader, "0000000000000014 00000001 00000000", {
    dataSize: 20n,
    command: 1,
    commandVersion: 0
  }),
  golden("CONNECT", live.Connect.request(4), "ffffffffffffffff 00000002 00000004 00000001", {
    viewerSessionId: u64Max,
    major: 2,
    minor: 4,
    type: live.Connect.ConnectionType.command as number
  }),
  golden("CONNECT's reply", live.Connect.reply(4), "0000000000000003 00000002 0000000d 00000000", {
    viewerSessionId: 3n,
    major: 2,
    minor: 13,
    type: 0
  }),
  golden("viewer CREATE_SESSION's reply", live.CreateSession.reply(4), "00000001", { status: 1 }),
  golden(
    "LIST_SESSIONS' reply below minor 15",
    live.ListSessions.reply(4),
    `00000001 0000000000000001 000f4240 00000000 00000003 "vm" 00*62 "s2live" 00*249`,
    {
      sessions: [
        {
          id: 1n,
          liveTimer: 1_000_000,
          clients: 0,
          streams: 3,
          hostname: "vm",
          sessionName: "s2live",
          traceFormat: 0 as const
        }
      ]
    }
  ),
  golden(
    // From the development branch's relay daemon, protocol 2.15.
    "LIST_SESSIONS' reply of minor 15",
    live.ListSessions.reply(15),
    `00000002
     0000000000000002 001e8480 00000000 00000000 00000001 00000003 00000001 "h" "two"
     0000000000000001 000f4240 00000000 00000002 00000005 00000003 00000000 "hostA" "one"`,
    {
      sessions: [
        {
          id: 2n,
          liveTimer: 2_000_000,
          clients: 0,
          streams: 0,
          hostname: "h",
          sessionName: "two",
          traceFormat: 1 as const
        },
        {
          id: 1n,
          liveTimer: 1_000_000,
          clients: 0,
          streams: 2,
          hostname: "hostA",
          sessionName: "one",
          traceFormat: 0 as const
        }
      ]
    }
  ),
  golden("ATTACH_SESSION", live.AttachSession.request(4), "0000000000000001 0000000000000000 00000002", {
    sessionId: 1n,
    offset: 0n,
    seek: live.AttachSession.Seek.last as number
  }),
  golden("ATTACH_SESSION of an unknown session", live.AttachSession.reply(4), "00000003 00000000", {
    status: live.AttachSession.Status.unknown as number,
    streams: []
  }),
  golden(
    "ATTACH_SESSION's reply",
    live.AttachSession.reply(4),
    `00000001 00000002
     0000000000000002 0000000000000001 00000000 "ust/uid/0/64-bit" 00*4080 "channel0_1" 00*245
     0000000000000003 0000000000000001 00000001 "ust/uid/0/64-bit" 00*4080 "metadata" 00*247`,
    {
      status: live.AttachSession.Status.ok as number,
      streams: [
        { id: 2n, ctfTraceId: 1n, metadataFlag: false, pathName: "ust/uid/0/64-bit", channelName: "channel0_1" },
        { id: 3n, ctfTraceId: 1n, metadataFlag: true, pathName: "ust/uid/0/64-bit", channelName: "metadata" }
      ]
    }
  ),
  golden("GET_NEXT_INDEX", live.GetNextIndex.request(4), "0000000000000002", { streamId: 2n }),
  golden("GET_NEXT_INDEX: retry", live.GetNextIndex.reply(4), "00*56 00000002 00000000", {
    ...noIndex,
    status: Status.retry as number
  }),
  golden("GET_NEXT_INDEX: retry, new metadata", live.GetNextIndex.reply(4), "00*56 00000002 00000001", {
    ...noIndex,
    status: Status.retry as number,
    flags: Flags.newMetadata as number
  }),
  golden("GET_NEXT_INDEX: hang-up", live.GetNextIndex.reply(4), "00*56 00000003 00000000", {
    ...noIndex,
    status: Status.hup as number
  }),
  golden("GET_NEXT_INDEX: error", live.GetNextIndex.reply(4), "00*56 00000004 00000000", {
    ...noIndex,
    status: Status.error as number
  }),
  golden(
    "GET_NEXT_INDEX: a packet, new streams",
    live.GetNextIndex.reply(4),
    `0000000000002000 0000000000008000 00000000000011f0 000000a768f5c6cf 000000a7a4018999
     0000000000000000 0000000000000000 00000001 00000002`,
    {
      ...noIndex,
      offset: 8192n,
      packetSize: 32_768n,
      contentSize: 4592n,
      timestampBegin: 719_020_476_111n,
      timestampEnd: 720_011_102_617n,
      status: Status.ok as number,
      flags: Flags.newStream as number
    }
  ),
  golden(
    "GET_NEXT_INDEX: a packet, new metadata",
    live.GetNextIndex.reply(4),
    `0000000000005000 0000000000008000 0000000000002e08 000000a9cca95599 000000a9f80cbc64 00*8 00*8
     00000001 00000001`,
    {
      ...noIndex,
      offset: 0x5000n,
      packetSize: 32_768n,
      contentSize: 0x2e08n,
      timestampBegin: 0xa9cca95599n,
      timestampEnd: 0xa9f80cbc64n,
      status: Status.ok as number,
      flags: Flags.newMetadata as number
    }
  ),
  golden("GET_NEXT_INDEX: inactive", live.GetNextIndex.reply(4), "00*32 000000a7a3fed23a 00*16 00000005 00000000", {
    ...noIndex,
    timestampEnd: 720_010_924_602n,
    status: Status.inactive as number
  }),
  golden(
    "GET_NEXT_INDEX: inactive, new metadata",
    live.GetNextIndex.reply(4),
    "00*32 000000a9bc6f99c7 00*16 00000005 00000001",
    { ...noIndex, timestampEnd: 0xa9bc6f99c7n, status: Status.inactive as number, flags: Flags.newMetadata as number }
  ),
  golden(
    "GET_NEXT_INDEX: inactive, new streams",
    live.GetNextIndex.reply(4),
    "00*32 000003f95a802304 00*16 00000005 00000002",
    { ...noIndex, timestampEnd: 0x3f95a802304n, status: Status.inactive as number, flags: Flags.newStream as number }
  ),
  golden("GET_METADATA", live.GetMetadata.request(4), "0000000000000003", { streamId: 3n }),
  golden(
    "GET_METADATA's reply",
    live.GetMetadata.reply(4),
    `0000000000001000 00000001 571dd175 9557893e201c44e58655577fd78f1346 00000000 f0550000 00800000 000000 0108
     "/* CTF 1.8 */" 0a 00*4045`,
    {
      status: live.GetMetadata.Status.ok as number,
      data: hex(`571dd175 9557893e201c44e58655577fd78f1346 00000000 f0550000 00800000 000000 0108
     "/* CTF 1.8 */" 0a 00*4045`)
    }
  ),
  golden("GET_METADATA: nothing new", live.GetMetadata.reply(4), "0000000000000000 00000002", {
    status: live.GetMetadata.Status.noNew as number,
    data: new Uint8Array(0)
  }),
  golden("GET_METADATA: error", live.GetMetadata.reply(4), "00*8 00000003", {
    status: live.GetMetadata.Status.error as number,
    data: new Uint8Array(0)
  }),
  golden("GET_NEW_STREAMS", live.GetNewStreams.request(4), "0000000000000001", { sessionId: 1n }),
  golden("GET_NEW_STREAMS: nothing new", live.GetNewStreams.reply(4), "00000001 00000000", { status: 1, streams: [] }),
  golden("GET_NEW_STREAMS: hang-up", live.GetNewStreams.reply(4), "00000004 00000000", {
    status: live.GetNewStreams.Status.hup as number,
    streams: []
  }),
  golden("GET_PACKET", live.GetPacket.request(4), "0000000000000002 0000000000002000 00001000", {
    streamId: 2n,
    offset: 8192n,
    len: 4096
  }),
  golden(
    "GET_PACKET's reply",
    live.GetPacket.reply(4),
    "00000001 00001000 00000000 c11ffcc1 9557893e201c44e58655577fd78f1346 00*4076",
    {
      status: live.GetPacket.Status.ok as number,
      flags: 0,
      data: hex("c11ffcc1 9557893e201c44e58655577fd78f1346 00*4076")
    }
  ),
  golden("GET_PACKET: error", live.GetPacket.reply(4), "00000003 00000000 00000000", {
    status: live.GetPacket.Status.error as number,
    flags: 0,
    data: new Uint8Array(0)
  }),
  golden("DETACH_SESSION", live.DetachSession.request(8), "0000000000000001", { sessionId: 1n }),
  golden("DETACH_SESSION's reply", live.DetachSession.reply(8), "00000001", { status: 1 }),
  golden("the answer to an unknown viewer command", live.StatusReply.reply(4), "0000000b", {
    status: live.StatusReply.unknownCommand
  })
]

const token = "a5a50102030445068708090a0b0c0d0e"
const ours = { origin: "laid out" } as const

/** Between an edge and our relay (docs/extension.md); test/edge/Records.test.ts has the records. */
const journals: ReadonlyArray<Golden> = [
  golden(
    "GET_CONFIGURATION of an edge",
    control.GetConfiguration.request(13),
    "8000000000000000",
    { queryFlags: 1n << 63n },
    ours
  ),
  golden(
    "GET_CONFIGURATION's reply to an edge",
    control.GetConfiguration.reply(13),
    "0000000a c000000000000001",
    { returnCode: 10, configurationFlags: 0xc000_0000_0000_0001n },
    ours
  ),
  golden(
    "OPEN_JOURNAL",
    OpenJournal.request(0),
    'a5a50102030445068708090a0b0c0d0e 0000000000000009 00000006 "board" 00',
    { token, firstKept: 9n, edgeName: "board" },
    ours
  ),
  golden(
    "OPEN_JOURNAL's reply",
    OpenJournal.reply(0),
    "0000000a 00000001 0000000000000102 0000000000000100",
    { returnCode: 10, state: OpenJournal.State.resumed, received: 0x102n, durable: 0x100n },
    ours
  ),
  golden(
    "acknowledgement of records",
    fixed(OpenJournal.acknowledgement),
    "0000000000000103 0000000000000102 00000003",
    { received: 0x103n, durable: 0x102n, outcome: OpenJournal.Outcome.forgotten },
    ours
  ),
  golden(
    "report of an edge",
    EdgeReport,
    "0000000000000400 0000000000000800 0000000000001000 0000000000000009 00000000000005dc 0000000000000000",
    {
      spoolBytes: 1024n,
      edgeSpoolBytes: 2048n,
      edgeSpoolBytesMax: 4096n,
      last: 9n,
      oldestMillis: 1500n,
      lagMillis: 0n
    },
    ours
  )
]

export const goldens: ReadonlyArray<Golden> = [...sessions, ...streams, ...chunks, ...files, ...viewer, ...journals]
