/**
 * `lttng-relay/ctf`: CTF 1.8 and CTF 2 in JavaScript. Decoding knows neither files nor Effect; recorded traces are read
 * by plain calls, or as a `Stream`.
 *
 *     for (const item of Events.items(["/var/traces/demo"]))        Events.stream([...])
 *     Metadata.parse(bytes)  →  new TracePlan(traceClass)  →  new DataStream(name, plan)   bytes of your own
 *     Recording, Printing, Text, Json                                what `show` is made of
 */

export * as DataStream from "./decode/DataStream.ts"
export type { Failure, FaultKind } from "./decode/Fault.ts"
export * as Fields from "./decode/Fields.ts"
export type { Loss } from "./decode/Losses.ts"
export { StreamPlan, TracePlan } from "./decode/Plan.ts"
export * as Values from "./decode/Values.ts"
export * as Filters from "./filter/Filters.ts"
export * as Where from "./filter/Where.ts"
export * as Metadata from "./metadata/GrowingMetadata.ts"
export type * as FieldClass from "./model/FieldClass.ts"
export type * as TraceClass from "./model/TraceClass.ts"
export { Bytes } from "./print/Bytes.ts"
export { Json } from "./print/Json.ts"
export * as Text from "./print/Text.ts"
export * as Events from "./recorded/Events.ts"
export * as Printing from "./recorded/Printing.ts"
export * as Recording from "./recorded/Recording.ts"
