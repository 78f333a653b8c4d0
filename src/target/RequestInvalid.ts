/**
 * What a caller wants to say, and the protocol has no way to: refused before a byte of it is written. Commands are
 * checked by the schema of their layout; packets, which are many, by plain comparisons with the same bounds
 * (`Packet.ts`).
 */
import { Duration, Effect, Option, Schema } from "effect"
import type { Layout } from "../protocol/Struct.ts"

/**
 * The protocol cannot say what the caller asked for: a name that is too long, a time before the epoch. Nothing of it
 * was sent. `reason` names the members as the protocol does.
 */
export class RequestInvalid extends Schema.TaggedError<RequestInvalid>()("RequestInvalid", {
  command: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.command} cannot say this: ${this.reason}`
  }
}

/** Fails unless the layout can carry all of the request. */
export const check = <Request>(
  command: string,
  { writable }: Pick<Layout<Request>, "writable">,
  request: unknown
): Effect.Effect<void, RequestInvalid> =>
  Schema.decodeUnknownEffect(writable)(request, { errors: "all" }).pipe(
    Effect.mapError(({ message }) => new RequestInvalid({ command, reason: message })),
    Effect.asVoid
  )

/** `value` as seconds since the epoch; fails unless it is a whole number and not negative. */
export const seconds = (command: string, member: string, value: number): Effect.Effect<bigint, RequestInvalid> =>
  Number.isSafeInteger(value) && value >= 0
    ? Effect.succeed(BigInt(value))
    : Effect.fail(new RequestInvalid({ command, reason: `${member}: ${value} is no second since the epoch` }))

/** A duration as whole microseconds; 0 if there is none. How many there may be is checked with the layout. */
export const micros = (
  command: string,
  member: string,
  input: Duration.Input | undefined
): Effect.Effect<number, RequestInvalid> => {
  const duration = input === undefined ? Option.some(Duration.zero) : Duration.fromInput(input)
  if (Option.isNone(duration) || Number.isNaN(input)) {
    return Effect.fail(new RequestInvalid({ command, reason: `${member}: ${String(input)} is no duration` }))
  }
  return Effect.succeed(Math.round(Duration.toMillis(duration.value) * 1000))
}
