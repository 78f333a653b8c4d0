/**
 * What a tracer of the program around the relay sees: a span for each control command that waits for something. What
 * comes with every packet has none, nor have sessions and connections: an open span keeps what is logged inside, and
 * they may go on for months.
 */
import { Effect } from "effect"

/** A command of the connection from `peer`, by the name the protocol gives it. */
export const ofCommand = <A, E, R>(command: Effect.Effect<A, E, R>, name: string, peer: string) =>
  Effect.withSpan(command, name, { root: true, kind: "server", attributes: { peer }, captureStackTrace: false })
