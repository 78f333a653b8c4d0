/**
 * CREATE_SESSION (2): opens the session of this connection. Request, minors 11 to 14, then 15:
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | 3 × u32 | lengths of the three names, NUL included; a base path of 0 or 1 bytes is none |
 * | 12 | u32 | liveTimer, µs, 0 = not live |
 * | 16 | 2 × u8 | snapshot, nameContainsCreationTime |
 * | 18 | 16 | sessiondUuid, not all zeroes |
 * | 34 | 2 × u64 | sessionId in the session daemon; creationTime, seconds since the epoch |
 * | 50 | u8, u64 | currentChunkId and whether it is set |
 * | 59 | u32 | traceFormat, from minor 15 on |
 * | 59 or 63 | | sessionName, hostname, basePath, each with its NUL |
 *
 * Minors 4 to 10: sessionName char[255], hostname char[64], liveTimer u32, snapshot u32. Below 4: no payload.
 */
import {
  bool8,
  bool32,
  demanding,
  empty,
  fixed,
  fixedString,
  type Layout,
  oneOf,
  optional,
  struct,
  u32,
  u64,
  uuidNotNil,
  withConstants
} from "../Struct.ts"
import { maybe, terminated, withTexts } from "../Variable.ts"
import { features } from "../Version.ts"

/** The command's number on the wire (streaming.md §6.1). */
export const number = 2
/** The command's name in the protocol. */
export const name = "CREATE_SESSION"
/** The first minor whose peers send it. */
export const since = 1

/** One type for every minor: what a peer could not say has the value its silence means. */
export interface Request {
  readonly sessionName: string
  readonly hostname: string
  readonly basePath: string
  readonly liveTimer: number
  readonly snapshot: boolean
  readonly nameContainsCreationTime: boolean
  readonly sessiondUuid: string | undefined
  readonly sessionId: bigint | undefined
  readonly creationTime: bigint | undefined
  readonly currentChunkId: bigint | undefined
  /** 1 = CTF 1.8, 2 = CTF 2. */
  readonly traceFormat: 1 | 2
}

/** The reply's members, by the names of streaming.md §6.1. */
export interface Reply {
  /** The relay's id; 0 on error. */
  readonly sessionId: bigint
  readonly returnCode: number
  /** Relative to the relay's output directory; the wire has it from minor 11 on, and only on success. */
  readonly outputPath: string | undefined
}

/** What can be written at every minor: newer ones demand what older ones leave out. */
export interface Writable extends Request {
  readonly sessiondUuid: string
  readonly sessionId: bigint
  readonly creationTime: bigint
}

const unsaid = {
  basePath: "",
  nameContainsCreationTime: false,
  sessiondUuid: undefined,
  sessionId: undefined,
  creationTime: undefined,
  currentChunkId: undefined,
  traceFormat: 1
} as const

const request1: Layout<Request> = withConstants(empty, {
  ...unsaid,
  sessionName: "",
  hostname: "",
  liveTimer: 0,
  snapshot: false
})

/** The request of minors 4 to 10. */
export const struct4 = struct({
  sessionName: fixedString(255),
  hostname: fixedString(64),
  liveTimer: u32,
  snapshot: bool32
})
const request4: Layout<Request> = withConstants(fixed(struct4), unsaid)

/** The head of the request since minor 11; its three strings follow. */
export const struct11 = struct({
  sessionNameLength: u32,
  hostnameLength: u32,
  basePathLength: u32,
  liveTimer: u32,
  snapshot: bool8,
  nameContainsCreationTime: bool8,
  sessiondUuid: uuidNotNil,
  sessionId: u64,
  creationTime: u64,
  currentChunkId: optional(u64)
})
/** The head since minor 15, which names the trace format. */
export const struct15 = struct({ ...struct11.fields, traceFormat: oneOf(u32, [1, 2]) })

const names = {
  sessionName: terminated("sessionNameLength", { lengthMin: 1, lengthMax: 255 }),
  hostname: terminated("hostnameLength", { lengthMin: 1, lengthMax: 256 }),
  basePath: terminated("basePathLength", { lengthMax: 4096 })
} as const
const named: Layout<Omit<Request, "traceFormat">, Omit<Writable, "traceFormat">> = demanding(withTexts(struct11, names))
const request11: Layout<Request, Writable> = withConstants<Request, { readonly traceFormat: 1 }, Writable>(named, {
  traceFormat: 1
})
const request15: Layout<Request, Writable> = demanding(withTexts(struct15, names))

/** The layout of the request between peers of `minor`; decoding fails with `Malformed`. */
export const request = (minor: number): Layout<Request, Writable> => {
  const { traceFormat, dynamicLayouts, sessionInfo } = features(minor)
  if (traceFormat) return request15
  if (dynamicLayouts) return request11
  return sessionInfo ? request4 : request1
}

const reply1: Layout<Reply> = withConstants(fixed(struct({ sessionId: u64, returnCode: u32 })), {
  outputPath: undefined
})
const reply11: Layout<Reply> = withTexts(struct({ sessionId: u64, returnCode: u32, outputPathLength: u32 }), {
  outputPath: maybe("outputPathLength", { lengthMax: 4095 })
})

/** The layout of the reply between peers of `minor`; decoding fails with `Malformed`. */
export const reply = (minor: number): Layout<Reply> => (features(minor).dynamicLayouts ? reply11 : reply1)
