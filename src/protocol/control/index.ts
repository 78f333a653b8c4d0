/** The control commands by number. A number that is not here is unknown: it is answered, and ends the connection. */
import type { Layout } from "../Struct.ts"
import * as AddStream from "./AddStream.ts"
import * as BeginDataPending from "./BeginDataPending.ts"
import * as CloseStream from "./CloseStream.ts"
import * as CloseTraceChunk from "./CloseTraceChunk.ts"
import * as CreateSession from "./CreateSession.ts"
import * as CreateTraceChunk from "./CreateTraceChunk.ts"
import * as DataPending from "./DataPending.ts"
import * as EndDataPending from "./EndDataPending.ts"
import * as GenericReply from "./GenericReply.ts"
import * as GetConfiguration from "./GetConfiguration.ts"
import * as QuiescentControl from "./QuiescentControl.ts"
import * as ResetMetadata from "./ResetMetadata.ts"
import * as RotateStreams from "./RotateStreams.ts"
import * as SendIndex from "./SendIndex.ts"
import * as SendMetadata from "./SendMetadata.ts"
import * as StartData from "./StartData.ts"
import * as StreamsSent from "./StreamsSent.ts"
import * as TraceChunkExists from "./TraceChunkExists.ts"
import * as Version from "./Version.ts"

export {
  AddStream,
  BeginDataPending,
  CloseStream,
  CloseTraceChunk,
  CreateSession,
  CreateTraceChunk,
  DataPending,
  EndDataPending,
  GenericReply,
  GetConfiguration,
  QuiescentControl,
  ResetMetadata,
  RotateStreams,
  SendIndex,
  SendMetadata,
  StartData,
  StreamsSent,
  TraceChunkExists,
  Version
}

/** What every command module has. */
export interface Command {
  readonly number: number
  readonly name: string
  /** The first minor whose peers send it. */
  readonly since: number
  /** The layout of the request between peers of `minor`. */
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own request and reply
  readonly request: (minor: number) => Layout<any>
  /** Missing where the command has no reply. */
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own request and reply
  readonly reply?: (minor: number) => Layout<any>
}

const all: ReadonlyArray<Command> = [
  AddStream,
  CreateSession,
  StartData,
  Version,
  SendMetadata,
  CloseStream,
  DataPending,
  QuiescentControl,
  BeginDataPending,
  EndDataPending,
  SendIndex,
  StreamsSent,
  ResetMetadata,
  RotateStreams,
  CreateTraceChunk,
  CloseTraceChunk,
  TraceChunkExists,
  GetConfiguration
]

/** Every command by its number (streaming.md §5). */
export const commands: ReadonlyMap<number, Command> = new Map(all.map((command) => [command.number, command]))

/** For logs: the command's name, or its number if it has none. */
export const nameOf = (number: number): string => commands.get(number)?.name ?? `command ${number}`
