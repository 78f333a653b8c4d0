/**
 * What a tracer of the program around the relay sees: a span for each control command that waits for something. There
 * is none for commands that come with every packet, nor for sessions and connections: an open span keeps what is logged
 * inside, and these may go on for months.
 */
import { Effect } from "effect"

/** A command of the connection from `peer`, by the name the protocol gives it. */
export const ofCommand = <A, E, R>(command: Effect.Effect<A, E, R>, name: string, peer: string) =>
  Effect.withSpan(command, name, { root: true, kind: "server", attributes: { peer }, captureStackTrace: false })
