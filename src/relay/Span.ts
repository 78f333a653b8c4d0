/**
 * What a tracer of the program around the relay sees: a span for each control command that waits for something. There
 * is none for commands that come with every packet, nor for sessions and connections: an open span keeps what is logged
 * inside, and these may go on for months.
 */
import { Effect, type Exit } from "effect"

/**
 * A command of the connection from `peer`, by the name the protocol gives it. If the tracer throws, the command is
 * carried out all the same, once.
 */
export const ofCommand = <A, E, R>(command: Effect.Effect<A, E, R>, name: string, peer: string) =>
  Effect.suspend(() => {
    let outcome: Exit.Exit<A, E> | undefined
    const noted = Effect.onExit(command, (exit) =>
      Effect.sync(() => {
        outcome = exit
      })
    )
    const options = { root: true, kind: "server", attributes: { peer }, captureStackTrace: false } as const
    return Effect.catchCause(Effect.withSpan(noted, name, options), () => outcome ?? command)
  })
