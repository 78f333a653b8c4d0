/** A session as a target streams it, of packets that no tracer has made. */
import { Effect } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import type * as Target from "../../src/target/Target.ts"

export const uuid = "01234567-89ab-cdef-0123-456789abcdef"
export const path = "ust/uid/0/64-bit"

/** `ch_0` with its metadata, both published, and what makes its packets. */
export const streaming = Effect.fnUntraced(function* (session: Target.Session, packetBytes = 4096, begin = 0n) {
  const stream = yield* session.stream({ path, channel: "ch_0" })
  const metadata = yield* session.metadata(path)
  yield* session.publish
  yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
  return { stream, generator: SyntheticTrace.generator(uuid, 0, packetBytes, begin) }
})
