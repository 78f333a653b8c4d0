/** Wire scripts are published: `lttng-relay/testing`. Here they play to a relay that writes to a disk. */
import * as Scripts from "../../src/testing/Script.ts"
import * as Tree from "../../src/testing/Tree.ts"
import type * as Relays from "../support/relays.ts"

export type { Control, Data, Recording, Session } from "../../src/testing/Script.ts"
export interface Script extends Scripts.Script {
  /** Absolute path. */
  readonly output: string
}

export const make = (relay: Relays.Relay, note: (line: string) => void): Script => ({
  ...Scripts.make(relay, Tree.onDisk(relay.output), note),
  output: relay.output
})
