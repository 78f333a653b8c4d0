/** What the operator's port can ask of the process around the relay; a program that embeds the relay has its own. */
import { Context, type Effect, Schema } from "effect"
import type { Reloaded, ReloadRefused } from "../config/Reloaded.ts"

/** As many as `-v` is given times. */
export const Verbosity = Schema.Struct({ verbosity: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })) })
/** See the schema. */
export interface Verbosity extends Schema.Schema.Type<typeof Verbosity> {}

/** At an edge: a session that another edge brings, on its way to the relay. */
export const PassedSession = Schema.Struct({
  hostname: Schema.String,
  /** Empty: its first words have not come. */
  name: Schema.String,
  /** The edge before. */
  edge: Schema.Struct({ name: Schema.String, isConnected: Schema.Boolean }),
  /** More may come. */
  isOpen: Schema.Boolean,
  byteCount: Schema.Int,
  lagRecordCount: Schema.Int,
  lagMillis: Schema.Finite,
  /** Before it is taken further; absent: it is taken. */
  waitsFor: Schema.optionalKey(Schema.String)
})
/** At an edge: a session that another edge brings, on its way to the relay. */
export interface PassedSession extends Schema.Schema.Type<typeof PassedSession> {}

/** Asked by the handlers of the group `daemon`. */
export class Operations extends Context.Service<
  Operations,
  {
    readonly reload: Effect.Effect<Reloaded, ReloadRefused>
    readonly verbosity: Effect.Effect<number>
    /** Until the next reload that changes it. */
    readonly setVerbosity: (verbosity: number) => Effect.Effect<void>
    /** Options in force, nothing secret among them. */
    readonly configuration: Effect.Effect<Schema.Json>
    /** What the log said last, the newest last. */
    readonly lastLines: Effect.Effect<ReadonlyArray<string>>
    /** Absent: it is no edge. */
    readonly passing?: Effect.Effect<ReadonlyArray<PassedSession>>
  }
>()("lttng-relay/admin/Operations") {}
