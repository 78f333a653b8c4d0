/**
 * lttng-relay as a library: the relay as a Layer, clients for both sides of it, and the protocol.
 *
 *     Relay.layer({ ...RelayConfig.defaults, output: "/var/traces" })   three ports in your program
 *     Target, LiveViewer                                                 the other two parties
 *     CtfTrace, Replay, Record, Load                                     what the toolbox is made of
 *     Protocol                                                           bytes ↔ values, also as "lttng-relay/protocol"
 */

export * as RelayConfig from "./config/RelayConfig.ts"
export * as CtfTrace from "./ctf/CtfTrace.ts"
export * as Protocol from "./protocol/index.ts"
export * as Relay from "./Relay.ts"
export type { RelayEvent } from "./relay/Events.ts"
export * as Status from "./relay/Status.ts"
export * as Files from "./storage/Files.ts"
export * as TraceStore from "./storage/TraceStore.ts"
export * as Load from "./target/Load.ts"
export * as Replay from "./target/Replay.ts"
export * as Target from "./target/Target.ts"
export * as LiveViewer from "./viewer/LiveViewer.ts"
export * as Record from "./viewer/Record.ts"
