/** Every message of both protocols in every version that differs: what the properties range over. */
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import * as control from "../../src/protocol/control/index.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as live from "../../src/protocol/live/index.ts"
import { fixed, type Layout } from "../../src/protocol/Struct.ts"

export interface Message {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: the properties hold for every message, whatever its type
  readonly layout: Layout<any>
}

const minors = Array.from({ length: 17 }, (_, minor) => minor)

const versions = (name: string, layoutOf: ((minor: number) => Layout<unknown>) | undefined): ReadonlyArray<Message> => {
  const seen = new Map<Layout<unknown>, number>()
  for (const minor of layoutOf === undefined ? [] : minors) {
    const layout = layoutOf?.(minor) as Layout<unknown>
    if (!seen.has(layout)) seen.set(layout, minor)
  }
  return [...seen].map(([layout, minor]) => ({ name: `${name} since minor ${minor}`, layout }))
}

/** A request that every minor can write. */
export const createSession = {
  sessionName: "s",
  hostname: "h",
  basePath: "",
  liveTimer: 0,
  snapshot: false,
  nameContainsCreationTime: false,
  sessiondUuid: "0123456789abcdef0123456789abcdef",
  sessionId: 0n,
  creationTime: 0n,
  currentChunkId: undefined,
  traceFormat: 1
} as const

export const messages: ReadonlyArray<Message> = [
  { name: "control header", layout: fixed(Header.header) },
  { name: "packet header", layout: fixed(PacketHeader.header) },
  { name: "viewer request header", layout: fixed(live.RequestHeader.header) },
  { name: "index file header", layout: fixed(CtfIndex.header) },
  { name: "index record 1.0", layout: fixed(CtfIndex.record10) },
  { name: "index record 1.1", layout: fixed(CtfIndex.record11) },
  ...[...control.commands.values()].flatMap((command) => [
    ...versions(`${command.name}`, command.request),
    ...versions(`reply to ${command.name}`, command.reply)
  ]),
  ...[...live.commands.values()].flatMap((command) => [
    ...versions(`viewer ${command.name}`, command.request),
    ...versions(`reply to viewer ${command.name}`, command.reply)
  ])
]
