/**
 * The table of control commands: number → what it does. `SEND_INDEX` and `SEND_METADATA` are not here: the connection
 * does them while it reads.
 */
import * as Protocol from "../../protocol/control/index.ts"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
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

/** Runs one command and answers what goes back to the peer. */
export const run = (state: ControlState, command: number, payload: Uint8Array): Answer => {
  const handler = handlers.get(command)
  return handler?.(state, payload) ?? unknownCommand(command)
}
