/** Wire scripts are published: `lttng-relay/testing`. Here they play to a relay that writes to a disk. */
import { Effect, type Scope } from "effect"
import * as Scripts from "../../src/testing/Script.ts"
import * as Tree from "../../src/testing/Tree.ts"
import type * as Relays from "../support/relays.ts"

export type { Control, Data, Session } from "../../src/testing/Script.ts"

export interface Recording extends Scripts.Recording {
  /** A packet of 16 bytes, and its index as soon as `path` has `bytes`: the two connections have no order otherwise. */
  readonly recorded: (stream: bigint, seq: number, path: string, bytes: number) => Scripts.Step
}

export interface Script extends Scripts.Script {
  readonly recording: (
    ...options: Parameters<Scripts.Script["recording"]>
  ) => Effect.Effect<Recording, never, Scope.Scope>
  /** Absolute path. */
  readonly output: string
}

export const make = (relay: Relays.Relay, note: (line: string) => void): Script =>
  over(Scripts.make(relay, Tree.onDisk(relay.output), note), relay.output)

export const over = (script: Scripts.Script, output: string): Script => ({
  ...script,
  output,
  recording: (options) =>
    Effect.map(script.recording(options), (recording) => ({
      ...recording,
      recorded: (stream, seq, path, bytes) =>
        Effect.gen(function* () {
          yield* recording.d.packet(stream, seq)
          yield* script.fileSize(path, bytes)
          yield* recording.c.index(stream, { seq })
        })
    }))
})
