/** Why a connection that was made got no greeting: what is at the other end, as far as it can be found out. */
import { Effect, Schema } from "effect"
import * as Version from "../protocol/control/Version.ts"
import * as Header from "../protocol/Header.ts"
import { own } from "../protocol/Version.ts"
import type { Address } from "../transport/Dial.ts"
import * as Dial from "../transport/Dial.ts"

/** What answers is no relay's live port. */
export class NotLivePort extends Schema.TaggedError<NotLivePort>()("NotLivePort", {
  address: Schema.String,
  reason: Schema.String,
  /**
   * It said nothing at all: it may be a relay that is not ready, or a tunnel without a relay behind it, which breaks
   * off what it cannot carry.
   */
  isSilent: Schema.Boolean,
  /** The same as in `LinkLost`. */
  refused: Dial.LinkLost.fields.refused
}) {
  override get message(): string {
    return `${this.address}: ${this.reason}`
  }
}

/** What is known about a peer that did not greet. */
export type NoGreeting = Pick<NotLivePort, "isSilent" | "reason" | "refused">

/** A relay greets at once; a slow link and a busy machine are given time. */
export const greetingMillis = 5000
export const probeMillis = 1000

const versionRequest = (): ReadonlyArray<Uint8Array> =>
  Header.message(Version.number, Version.request(own.minor).encode({ ...own }))

const replyBytes = 8

/** Asks for the version as a tracing host does. */
const isControlPort = (address: Address): Effect.Effect<boolean> =>
  Effect.scoped(
    Effect.gen(function* () {
      const link = yield* Dial.dial(address)
      link.write(versionRequest())
      const bytes = Buffer.from(yield* link.read(replyBytes))
      return bytes.readUInt32BE(0) === own.major
    })
  ).pipe(
    Effect.timeoutOption(probeMillis),
    Effect.map((answer) => answer._tag === "Some" && answer.value),
    Effect.orElseSucceed(() => false)
  )

/** Fails with what can be found out about the peer; with `reason` if that is nothing. */
export const explain = (
  address: Address,
  { isSilent, reason, refused }: NoGreeting
): Effect.Effect<never, NotLivePort> =>
  Effect.flatMap(isControlPort(address), (isControl) =>
    Effect.fail(
      new NotLivePort({
        address: `${address.host}:${address.port}`,
        reason: isControl
          ? "this is a relay's control port; viewers use its live port, 5344 unless told otherwise"
          : `${reason}${address.tls === undefined && !isSilent ? "; it may take TLS only (tls://)" : ""}`,
        isSilent: isSilent && !isControl,
        ...(refused === undefined || isControl ? {} : { refused })
      })
    )
  )
