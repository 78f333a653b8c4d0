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

/**
 * What it can have when it is opened. That may be more than is here: records that an earlier process lost, or that only
 * the edge before has. From then on nobody but this connection brings it anything.
 */
export const mostAtFirst = ({ given, isOver, isRecovered, passed }: Journal): number =>
  isOver || isRecovered || passed !== undefined ? Number.MAX_SAFE_INTEGER : given

/** `most`: the number of the last record that it can have. */
export const believed = (
  link: Link,
  journal: Journal,
  said: Said,
  most = journal.given
): Effect.Effect<Believed, RelayUnfit> => {
  const [received, durable] = [Number(said.received), Number(said.durable)]
  if (durable <= received && received <= most) return Effect.succeed({ received, durable })
  const of = `of ${journal.last}, sent up to ${journal.given}`
  const reason = `it says that it has record ${said.received}, and ${said.durable} for good, ${of}`
  return Effect.fail(new RelayUnfit({ address: link.name, reason }))
}

/** It says that it has all of it, so that nothing of it need be kept. */
export const believedAll = (link: Link, { isTaken, last, received }: Journal): Effect.Effect<void, RelayUnfit> => {
  const reason = `it says that it has all of a journal, and record ${received} of ${last}`
  return isTaken ? Effect.void : Effect.fail(new RelayUnfit({ address: link.name, reason }))
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
