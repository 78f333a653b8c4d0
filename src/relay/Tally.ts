/**
 * What the connections of one relay did, in plain fields: counted where it happens, in the turn that does it, and read
 * by whoever shows it.
 */
import { Histogram } from "../memory/Histogram.ts"
import { Connections } from "./Connections.ts"

/** Both protocols number their commands from 1, without large gaps. */
const commandCountMax = 32

export class Tally {
  readonly connections: Connections
  /** By number of the streaming protocol's commands. Numbers that are no command's count as 0. */
  readonly controlCommands = new Float64Array(commandCountMax)
  /** Of these, those that were refused, whether the connection went on or not. */
  readonly controlRefusals = new Float64Array(commandCountMax)
  /** By number of the live protocol's commands. */
  readonly liveCommands = new Float64Array(commandCountMax)
  /** µs from the read that brought commands to the write of their answers. */
  readonly answerMicros = new Histogram()
  /** Beacons, which are indexes without a packet. */
  beaconCount = 0

  constructor(connectionIds: { readonly next: () => number }) {
    this.connections = new Connections(connectionIds)
  }

  static count(commands: Float64Array, number: number): void {
    const at = number < commandCountMax ? number : 0
    commands[at] = (commands[at] as number) + 1
  }
}
