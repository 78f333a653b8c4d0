/** What the operator's port can ask of the process around the relay; a program that embeds the relay has its own. */
import { Context, type Effect, Schema } from "effect"
import type { Reloaded, ReloadRefused } from "../config/Reloaded.ts"

/** How much is logged: as many times as `-v` would be given. */
export const Verbosity = Schema.Struct({ verbosity: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })) })
/** See the schema. */
export interface Verbosity extends Schema.Schema.Type<typeof Verbosity> {}

/** At an edge: a session that another edge brings, on its way to the relay. */
export const PassedSession = Schema.Struct({
  hostname: Schema.String,
  /** Empty: the session's name has not come yet. */
  name: Schema.String,
  /** The edge that brings it. */
  edge: Schema.Struct({ name: Schema.String, isConnected: Schema.Boolean }),
  /** True: more may come. */
  isOpen: Schema.Boolean,
  byteCount: Schema.Int,
  lagRecordCount: Schema.Int,
  lagMillis: Schema.Finite,
  /** What has to happen before the relay takes it; absent: it is taken. */
  waitsFor: Schema.optionalKey(Schema.String)
})
/** At an edge: a session that another edge brings, on its way to the relay. */
export interface PassedSession extends Schema.Schema.Type<typeof PassedSession> {}

/** What the handlers of the group `daemon` ask. */
export class Operations extends Context.Service<
  Operations,
  {
    readonly reload: Effect.Effect<Reloaded, ReloadRefused>
    readonly verbosity: Effect.Effect<number>
    /** Holds until the next reload, which sets what the options say. */
    readonly setVerbosity: (verbosity: number) => Effect.Effect<void>
    /** The options in force, without secrets. */
    readonly configuration: Effect.Effect<Schema.Json>
    /** The log's last lines, the newest last. */
    readonly lastLines: Effect.Effect<ReadonlyArray<string>>
    /** Sessions of other edges that pass through; absent: this is no edge. */
    readonly passing?: Effect.Effect<ReadonlyArray<PassedSession>>
  }
>()("lttng-relay/admin/Operations") {}
