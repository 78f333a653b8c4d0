/**
 * lttng-relay as a library: the relay as a Layer, clients for both sides of it, and the protocol.
 *
 *     Relay.layer({ ...RelayConfig.defaults, output: "/var/traces" })   three ports in your program
 *     Target, LiveViewer                                                 the other two parties
 *     CtfTrace, Replay, Record, Load, SyntheticTrace                     what the toolbox is made of
 *     Files, MemoryFiles                                                 where traces go
 *     Protocol                                                           bytes ↔ values, also as "lttng-relay/protocol"
 *
 * A relay for tests is in "lttng-relay/testing".
 */

export * as Access from "./access/Access.ts"
export * as RelayConfig from "./config/index.ts"
export * as CtfTrace from "./ctf/CtfTrace.ts"
export * as CtfPacket from "./protocol/CtfPacket.ts"
export * as Protocol from "./protocol/index.ts"
export * as Relay from "./Relay.ts"
export { RelayEvent, RelayEventJson } from "./relay/Events.ts"
export * as Status from "./relay/Status.ts"
export { Counters, SessionStatus, StreamStatus } from "./relay/Status.ts"
export * as Files from "./storage/Files.ts"
export * as MemoryFiles from "./storage/MemoryFiles.ts"
export * as Load from "./target/Load.ts"
export * as Replay from "./target/Replay.ts"
export * as SyntheticTrace from "./target/SyntheticTrace.ts"
export * as Target from "./target/Target.ts"
export * as LiveEvents from "./viewer/LiveEvents.ts"
export * as LiveViewer from "./viewer/LiveViewer.ts"
export * as Record from "./viewer/Record.ts"
export * as ViewerUrl from "./viewer/ViewerUrl.ts"
