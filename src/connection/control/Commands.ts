/**
 * The table of control commands: number → what it does. `SEND_INDEX` and `SEND_METADATA` are not here: the connection
 * does them while it reads.
 */
import * as Protocol from "../../protocol/control/index.ts"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as Version from "../../protocol/Version.ts"
import * as Chunk from "./ChunkCommands.ts"
import { type Answer, type ControlState, type Handler, unknownCommand } from "./Command.ts"
import * as Connection from "./ConnectionCommands.ts"
import { getEdges, openJournal } from "./JournalCommand.ts"
import * as Pending from "./PendingCommands.ts"
import * as Session from "./SessionCommand.ts"
import * as Stream from "./StreamCommands.ts"

const handlers: ReadonlyMap<number, Handler> = new Map([
  [Protocol.Version.number, Connection.version],
  [Protocol.GetConfiguration.number, Connection.getConfiguration],
  [Protocol.CreateSession.number, Session.createSession],
  [Protocol.StartData.number, Connection.startData],
  [Protocol.AddStream.number, Stream.addStream],
  [Protocol.StreamsSent.number, Stream.streamsSent],
  [Protocol.ResetMetadata.number, Stream.resetMetadata],
  [Protocol.CloseStream.number, Stream.closeStream],
  [Protocol.DataPending.number, Pending.dataPending],
  [Protocol.QuiescentControl.number, Pending.quiescentControl],
  [Protocol.BeginDataPending.number, Pending.beginDataPending],
  [Protocol.EndDataPending.number, Pending.endDataPending],
  [Protocol.RotateStreams.number, Chunk.rotateStreams],
  [Protocol.CreateTraceChunk.number, Chunk.createTraceChunk],
  [Protocol.CloseTraceChunk.number, Chunk.closeTraceChunk],
  [Protocol.TraceChunkExists.number, Chunk.traceChunkExists],
  [OpenJournal.number, openJournal],
  [GetEdges.number, getEdges]
])

/** The most payload that a command of bounded size uses: the longest is `CREATE_SESSION` with all its names. */
const payloadBytesMax = 16 * 1024
/** Enough to rotate 65,535 streams in one command, more than a relay can hold open. */
const rotatePayloadBytesMax = 1024 * 1024

/** Bytes of payload that a command can use in a session of so many streams; what follows them is read and dropped. */
export const payloadBytesMaxOf = (command: number, streamCount: number): number => {
  if (command === Protocol.SendIndex.number) return Protocol.SendIndex.size(Version.own.minor)
  if (command !== Protocol.RotateStreams.number) return payloadBytesMax
  // Not as much for everybody: a peer may stop within the payload, on all connections that it may have.
  return Math.min(rotatePayloadBytesMax, payloadBytesMax + streamCount * Protocol.RotateStreams.position.size)
}

/** Runs one command and answers what goes back to the peer. */
export const run = (state: ControlState, command: number, payload: Uint8Array): Answer => {
  const handler = handlers.get(command)
  return handler?.(state, payload) ?? unknownCommand(command)
}
