/**
 * `lttng-relay/ctf`: CTF 1.8 and CTF 2 in JavaScript. Decoding knows neither files nor Effect; recorded traces are read
 * by plain calls, or as a `Stream`.
 *
 *     for (const item of Events.items(["/var/traces/demo"]))        Events.stream([...])
 *     Metadata.parse(bytes)  →  new TracePlan(traceClass)  →  new DataStream(name, plan)   bytes of your own
 *     Recording, Printing, Text, Json                                what `show` is made of
 */

export type { Clock, Time } from "./decode/Clock.ts"
export type { Compiled } from "./decode/Compiled.ts"
export type { Cursor, Int } from "./decode/Cursor.ts"
export * as DataStream from "./decode/DataStream.ts"
export type { Failure, FaultKind } from "./decode/Fault.ts"
export * as Fields from "./decode/Fields.ts"
export type { Loss } from "./decode/Losses.ts"
export type { Head } from "./decode/Merge.ts"
export { type EventPlan, StreamPlan, TracePlan } from "./decode/Plan.ts"
export type { Skip } from "./decode/Skip.ts"
export type { Place, Slots } from "./decode/Slots.ts"
export * as Values from "./decode/Values.ts"
export type { Comparison, Expression, Fact, Operand } from "./filter/Expression.ts"
export * as Filters from "./filter/Filters.ts"
export * as Unmatched from "./filter/Unmatched.ts"
export * as Where from "./filter/Where.ts"
export * as Metadata from "./metadata/GrowingMetadata.ts"
export { MetadataRefused, type Place as MetadataPlace, type RefusalKind } from "./metadata/MetadataRefused.ts"
export type * as FieldClass from "./model/FieldClass.ts"
export type * as TraceClass from "./model/TraceClass.ts"
export { Bytes } from "./print/Bytes.ts"
export { Json, type Origin } from "./print/Json.ts"
export { Piece } from "./print/Piece.ts"
export * as Text from "./print/Text.ts"
export * as Events from "./recorded/Events.ts"
export * as Interval from "./recorded/Interval.ts"
export * as Printing from "./recorded/Printing.ts"
export * as Recording from "./recorded/Recording.ts"
export type { Item as StreamItem, StreamReader } from "./recorded/StreamReader.ts"
