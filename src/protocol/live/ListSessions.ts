/**
 * LIST_SESSIONS (2): every session a viewer may know of. No payload. Reply: sessions_count u32, then one entry each.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | id |
 * | 8 | u32 | liveTimer, µs, 0 = not live |
 * | 12 | u32 | clients, 1 while a viewer is attached |
 * | 16 | u32 | streams, published or not |
 * | 20 | char[64], char[255] | hostname, sessionName: below minor 15 |
 * | 20 | 3 × u32 | hostname length, sessionName length, traceFormat: from minor 15 on |
 * | 32 | | hostname, sessionName, without NUL: from minor 15 on |
 *
 * Viewers refuse empty names in the newer layout; what to show instead is the relay's choice.
 */
import { empty, fixed, fixedString, type Layout, oneOf, struct, u32, u64, withConstants } from "../Struct.ts"
import { counted, withItems, withTexts } from "../Variable.ts"
import { features } from "../Version.ts"

export const number = 2
export const name = "LIST_SESSIONS"
export const since = 1

/** Numbered from zero, unlike the same notion in CREATE_SESSION of the streaming protocol. */
export const TraceFormat = { ctf1: 0, ctf2: 1 } as const

export type Request = Record<never, never>

export interface Session {
  readonly id: bigint
  readonly liveTimer: number
  readonly clients: number
  readonly streams: number
  readonly hostname: string
  readonly sessionName: string
  /** `TraceFormat`; the older entry means CTF 1.8. */
  readonly traceFormat: 0 | 1
}

export interface Reply {
  readonly sessions: ReadonlyArray<Session>
}

const common = struct({ id: u64, liveTimer: u32, clients: u32, streams: u32 })
export const entry4 = struct({ ...common.fields, hostname: fixedString(64), sessionName: fixedString(255) })
export const entry15 = struct({
  ...common.fields,
  hostnameLength: u32,
  sessionNameLength: u32,
  traceFormat: oneOf(u32, [0, 1])
})

/** What viewers accept at most. */
const lengthMax = 65_536
const session4: Layout<Session> = withConstants(fixed(entry4), { traceFormat: 0 })
const session15: Layout<Session> = withTexts(entry15, {
  hostname: counted("hostnameLength", { lengthMax }),
  sessionName: counted("sessionNameLength", { lengthMax })
})

const head = struct({ sessionsCount: u32 })
const reply4: Layout<Reply> = withItems(head, "sessionsCount", "sessions", session4)
const reply15: Layout<Reply> = withItems(head, "sessionsCount", "sessions", session15)

export const requestSize = 0
export const request = (_minor: number): Layout<Request> => empty
export const reply = (minor: number): Layout<Reply> => (features(minor).liveListing15 ? reply15 : reply4)
