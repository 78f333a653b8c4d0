/**
 * OPEN_JOURNAL (0x4c540001): from here on the connection carries the records of one journal, and acknowledgements of
 * them. A command of ours (docs/extension.md): no standard peer sends it, and we only to a relay that said `offered`.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | 16 | token of the journal, made by the edge at random |
 * | 16 | u64 | firstKept: number of the oldest record that the edge still has |
 * | 24 | u32 | length of edgeName, NUL included |
 * | 28 | | edgeName, for people |
 *
 * Reply: returnCode u32, state u32, received u64, durable u64. Then records one way, acknowledgements the other.
 */
import { everyMinor, fixed, oneOf, struct, u32, u64, uuid } from "../Struct.ts"
import { terminated, withTexts } from "../Variable.ts"

export const number = 0x4c54_0001
export const name = "OPEN_JOURNAL"

/** A bit in `queryFlags` of GET_CONFIGURATION that asks whether journals are taken; in the answer: they are. */
export const offered = 1n << 63n

/** A bit in the answer, beside `offered`: records may come packed. */
export const unpacks = 1n << 62n

/** A bit in the answer, beside `offered`: who asks (`Kind.hears`) is told what of a journal has ended there alone. */
export const tells = 1n << 60n

/** `unknown`: the relay has ended the journal, or knows nothing of it and needs records that the edge no longer has. */
export const State = { begun: 0, resumed: 1, finished: 2, unknown: 3 } as const
export type State = (typeof State)[keyof typeof State]
const states = Object.values(State)

export interface Request {
  readonly token: string
  readonly firstKept: bigint
  readonly edgeName: string
}

export interface Reply {
  readonly returnCode: number
  readonly state: State
  /** Number of the last record that was carried out. Of `unknown` 1 if the relay has ended the journal, else 0. */
  readonly received: bigint
  /** Number of the last record that a relay which is killed now would not ask for again. */
  readonly durable: bigint
}

const replyStruct = struct({ returnCode: u32, state: oneOf(u32, states), received: u64, durable: u64 })

export const replyBytes = replyStruct.size
export const request = everyMinor<Request>(
  withTexts(struct({ token: uuid, firstKept: u64, edgeNameLength: u32 }), {
    edgeName: terminated("edgeNameLength", { lengthMin: 1, lengthMax: 256 })
  })
)
export const reply = everyMinor<Reply>(fixed(replyStruct))

/** What the relay sends whenever it got further, or the journal ends. */
export interface Acknowledgement {
  readonly received: bigint
  readonly durable: bigint
  /**
   * `goesOn`: it takes more; `finished`: all is carried out. `ended`: the relay ended a session of the journal before
   * the tracer did, and takes no more of it. `forgotten`: it knows nothing of the journal any more. `waitsFor…`: it
   * goes on by itself once there is what it waits for. `lost`: a part has ended at the relay alone; the length of a
   * text for people (u32) and the text follow. It says nothing of the whole, and only to who has asked.
   */
  readonly outcome: Outcome
}

export const Outcome = {
  goesOn: 0,
  finished: 1,
  ended: 2,
  forgotten: 3,
  waitsForRights: 4,
  waitsForQuota: 5,
  waitsForRoom: 6,
  lost: 7
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

export const acknowledgement = struct({ received: u64, durable: u64, outcome: oneOf(u32, Object.values(Outcome)) })

/** What follows `lost`: the length of the text. */
export const lostHead = struct({ byteCount: u32 })
/** Longest text. */
export const lostBytesMax = 1024
