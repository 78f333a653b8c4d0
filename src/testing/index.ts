/**
 * For tests of programs that speak to a relay, or embed one: a real relay over files in memory in a few milliseconds,
 * peers that send exactly what they are told, directory trees as values.
 *
 *     TestRelay.make()      a relay on free ports, until the scope closes
 *     Script, PeerBytes     a target's commands and packets, by hand
 *     Wire                  one connection
 *     Tree                  what was recorded, as lines that can be compared
 *     FaultyFiles           files that stall or fail when they are told to
 *     SlowFiles             files on a disk of a rate, with a latency and stalls
 *     Link                  a network of a rate, with a round-trip time and outages
 */
export * as FaultyFiles from "../storage/FaultyFiles.ts"
export * as Link from "./Link.ts"
export * as PeerBytes from "./PeerBytes.ts"
export * as Script from "./Script.ts"
export * as SlowFiles from "./SlowFiles.ts"
export * as TestRelay from "./TestRelay.ts"
export * as Tree from "./Tree.ts"
export * as Waiting from "./Waiting.ts"
export * as Wire from "./Wire.ts"
