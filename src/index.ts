/**
 * lttng-relay as a library: the relay as a Layer, clients for both sides of it, and the protocol.
 *
 *     Relay.layer({ ...RelayConfig.defaults, output: "/var/traces" })   three ports in your program
 *     Target, LiveViewer                                                 the other two parties
 *     CtfTrace, Replay, Record, Load                                     what the toolbox is made of
 *     Protocol                                                           bytes ↔ values, also as "lttng-relay/protocol"
 */
export * as CtfTrace from "./client/CtfTrace.ts"
export * as LiveViewer from "./client/LiveViewer.ts"
export * as Load from "./client/Load.ts"
export * as Record from "./client/Record.ts"
export * as Replay from "./client/Replay.ts"
export * as Target from "./client/Target.ts"
export * as RelayConfig from "./config/RelayConfig.ts"
export * as Protocol from "./protocol/index.ts"
export * as Relay from "./Relay.ts"
export type { RelayEvent } from "./relay/Events.ts"
export type { Counters, SessionStatus, StreamStatus } from "./relay/Status.ts"
export * as Files from "./storage/Files.ts"
export * as TraceStore from "./storage/TraceStore.ts"
