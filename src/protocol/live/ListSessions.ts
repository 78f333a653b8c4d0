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

/** The command's number on the wire (live.md §3.3 and §6.2). */
export const number = 2
/** The command's name in the protocol. */
export const name = "LIST_SESSIONS"
/** The first minor whose peers send it. */
export const since = 1

/** Numbered from zero, unlike the same notion in CREATE_SESSION of the streaming protocol. */
export const TraceFormat = { ctf1: 0, ctf2: 1 } as const

/** The request's members, by the names of live.md §3.3 and §6.2. */
export type Request = Record<never, never>

/** One session; `liveTimer` in microseconds. */
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

/** The reply's members, by the names of live.md §3.3 and §6.2. */
export interface Reply {
  readonly sessions: ReadonlyArray<Session>
}

const common = struct({ id: u64, liveTimer: u32, clients: u32, streams: u32 })
/** One session in the reply of minors 4 to 14. */
export const entry4 = struct({ ...common.fields, hostname: fixedString(64), sessionName: fixedString(255) })
/** The head of one session in the reply since minor 15; its two strings follow. */
export const entry15 = struct({
  ...common.fields,
  hostnameLength: u32,
  sessionNameLength: u32,
  traceFormat: oneOf(u32, [0, 1])
})

/** The longest names that viewers accept, in bytes. */
const lengthMax = 65_536
const session4: Layout<Session> = withConstants(fixed(entry4), { traceFormat: 0 })
const session15: Layout<Session> = withTexts(entry15, {
  hostname: counted("hostnameLength", { lengthMax }),
  sessionName: counted("sessionNameLength", { lengthMax })
})

const head = struct({ sessionsCount: u32 })
const reply4: Layout<Reply> = withItems(head, "sessionsCount", "sessions", session4)
const reply15: Layout<Reply> = withItems(head, "sessionsCount", "sessions", session15)

/** Bytes of the request behind its header. */
export const requestSize = 0
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = (_minor: number): Layout<Request> => empty
/** The layout of the reply between peers of `minor`; decoding fails with `Malformed`. */
export const reply = (minor: number): Layout<Reply> => (features(minor).liveListing15 ? reply15 : reply4)
