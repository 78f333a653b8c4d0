/** Checks what a relay says it has of a journal. A false number would free records that nobody has. */
import { Effect, Result } from "effect"
import { type Acknowledgement, acknowledgement, type Reply } from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import { fixed } from "../../protocol/Struct.ts"
import type { Link } from "../../transport/Dial.ts"
import type { Journal } from "../journal/Journal.ts"
import { RelayUnfit } from "./Greeting.ts"

export interface Believed {
  readonly received: number
  readonly durable: number
}

type Said = Pick<Acknowledgement, keyof Believed>

/** It may be more than is here: records that an earlier process lost, or that only the edge before has. */
const lastOf = ({ isOver, isRecovered, last, passed }: Journal): number =>
  isOver || isRecovered || passed !== undefined ? Number.MAX_SAFE_INTEGER : last

export const believed = (link: Link, journal: Journal, said: Said): Effect.Effect<Believed, RelayUnfit> => {
  const [received, durable] = [Number(said.received), Number(said.durable)]
  if (durable <= received && received <= lastOf(journal)) return Effect.succeed({ received, durable })
  const reason = `it says that it has record ${said.received}, and ${said.durable} for good, of ${journal.last}`
  return Effect.fail(new RelayUnfit({ address: link.name, reason }))
}

const { decode } = fixed(acknowledgement)

/** Later versions may say what this one does not know. */
export const acknowledged = (link: Link, bytes: Uint8Array): Effect.Effect<Acknowledgement, RelayUnfit> => {
  const said = decode(bytes)
  if (Result.isSuccess(said)) return Effect.succeed(said.success)
  return Effect.fail(new RelayUnfit({ address: link.name, reason: `acknowledgement: ${said.failure.message}` }))
}

export const accepted = (link: Link, { returnCode }: Reply): Effect.Effect<void, RelayUnfit> =>
  returnCode === ReturnCode.OK
    ? Effect.void
    : Effect.fail(new RelayUnfit({ address: link.name, reason: `it refuses a journal with ${returnCode}` }))
