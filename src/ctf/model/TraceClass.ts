/**
 * What metadata says about a trace: clocks, data stream classes and their event record classes.
 *
 * It only grows: a class that was declared stays as it is, the same object, while the maps here gain entries as more
 * metadata arrives. So what was compiled for a class stays valid, and is found again by the class itself.
 */
import type { ByteOrder, Structure } from "./FieldClass.ts"

/** What a clock counts from, if that is not the Unix epoch. */
export interface ClockOrigin {
  readonly namespace: string | undefined
  readonly name: string
  readonly uid: string
}

/** A clock of the trace; frequency in Hz, precision and accuracy in cycles. */
export interface ClockClass {
  /** The id by which metadata refers to the clock; in CTF 1.8 its name. */
  readonly id: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  /** In CTF 1.8 the text of its UUID. */
  readonly uid: string | undefined
  readonly description: string | undefined
  /** Cycles per second, above 0. */
  readonly frequency: bigint
  /** From the origin to cycle 0: whole seconds, then less than a second of cycles (§7.3). */
  readonly offsetSeconds: bigint
  readonly offsetCycles: bigint
  readonly precision: bigint | undefined
  readonly accuracy: bigint | undefined
  /** What the clock counts from; undefined: unknown. All clocks of LTTng count from the epoch (§7.4). */
  readonly origin: "unix-epoch" | ClockOrigin | undefined
}

/** One kind of event. */
export interface EventClass {
  /** Unique in its data stream class. */
  readonly id: bigint
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly uid: string | undefined
  /** LTTng's number of the log level: 0 (emergency) … 14 (debug). */
  readonly logLevel: bigint | undefined
  readonly emfUri: string | undefined
  readonly specificContext: Structure | undefined
  readonly payload: Structure | undefined
}

/** One kind of data stream, with its kinds of events by id. */
export interface DataStreamClass {
  readonly id: bigint
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly uid: string | undefined
  /** The clock of all timestamps; undefined: its events have no times. */
  readonly clock: ClockClass | undefined
  readonly packetContext: Structure | undefined
  readonly eventHeader: Structure | undefined
  readonly commonContext: Structure | undefined
  readonly events: ReadonlyMap<bigint, EventClass>
}

/** Everything that metadata says (ctf.md §3). */
export interface TraceClass {
  readonly format: "1.8" | "2"
  readonly namespace: string | undefined
  readonly name: string | undefined
  /** In CTF 1.8 the text of its UUID. */
  readonly uid: string | undefined
  /** The 16 bytes that headers of packets have. */
  readonly uuid: Uint8Array | undefined
  /** What the trace block says (CTF 1.8); undefined in CTF 2. */
  readonly byteOrder: ByteOrder | undefined
  readonly environment: ReadonlyMap<string, bigint | string>
  readonly packetHeader: Structure | undefined
  readonly clocks: ReadonlyMap<string, ClockClass>
  readonly dataStreams: ReadonlyMap<bigint, DataStreamClass>
}
