/** How everything is run, whatever the case. */
import type * as Disk from "./Disk.ts"
import type { Generator } from "./Generator.ts"
import type * as Link from "./Link.ts"
import type * as Relay from "./Relay.ts"

export interface Bench {
  readonly generator: Generator
  readonly others: Relay.Others
  /** Where the output's directory is made. */
  readonly place: string
  /** Undefined: a proxy, but for real tracers the kernel where it can. */
  readonly linkBy: Link.Way | undefined
  readonly diskBy: Disk.Way
}
