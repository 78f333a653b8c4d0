/**
 * The viewer commands by number. The number alone decides how many bytes follow a request's header: viewers exist
 * whose announced size is wrong.
 */
import type { Layout } from "../Struct.ts"
import * as AttachSession from "./AttachSession.ts"
import * as Connect from "./Connect.ts"
import * as CreateSession from "./CreateSession.ts"
import * as DetachSession from "./DetachSession.ts"
import * as GetMetadata from "./GetMetadata.ts"
import * as GetNewStreams from "./GetNewStreams.ts"
import * as GetNextIndex from "./GetNextIndex.ts"
import * as GetPacket from "./GetPacket.ts"
import * as ListSessions from "./ListSessions.ts"
import * as RequestHeader from "./RequestHeader.ts"
import * as StatusReply from "./StatusReply.ts"
import * as StreamEntry from "./StreamEntry.ts"

export {
  AttachSession,
  Connect,
  CreateSession,
  DetachSession,
  GetMetadata,
  GetNewStreams,
  GetNextIndex,
  GetPacket,
  ListSessions,
  RequestHeader,
  StatusReply,
  StreamEntry
}

/** What every command module has. */
export interface Command {
  readonly number: number
  readonly name: string
  readonly since: number
  /** Bytes after the request's header. */
  readonly requestSize: number
  /** The layout of the request between peers of `minor`. */
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own request and reply
  readonly request: (minor: number) => Layout<any>
  /** The layout of the reply between peers of `minor`. */
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own request and reply
  readonly reply: (minor: number) => Layout<any>
}

const all: ReadonlyArray<Command> = [
  Connect,
  ListSessions,
  AttachSession,
  GetNextIndex,
  GetPacket,
  GetMetadata,
  GetNewStreams,
  CreateSession,
  DetachSession
]

/** Every command by its number (live.md §2.1). */
export const commands: ReadonlyMap<number, Command> = new Map(all.map((command) => [command.number, command]))

/** For logs: the command's name, or its number if it has none. */
export const nameOf = (number: number): string => commands.get(number)?.name ?? `command ${number}`
