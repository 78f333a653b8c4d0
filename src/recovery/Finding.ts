/** What a check finds, and the changes to files that put it right. Values: nothing here reads or writes. */

import type { Member } from "../protocol/CtfPacket.ts"

/**
 * - `damage`: readers stumble over it, or what was recorded is not where it belongs
 * - `loss`: packets are missing that somebody has recorded; readers say so, too. The tracer may have overwritten them
 * - `note`: worth knowing, harms nobody
 */
export type Severity = "damage" | "loss" | "note"

export type Code =
  | "unreadable"
  | "metadata-missing"
  | "metadata-torn"
  | "metadata-refused"
  | "metadata-empty"
  | "set-aside"
  | "index-header"
  | "index-missing"
  | "index-torn"
  | "index-past-data"
  | "index-order"
  | "index-mismatch"
  | "index-behind"
  | "index-stray"
  | "data-torn"
  | "data-unreadable"
  | "event-unreadable"
  | "being-written"
  | "linked"
  | "time-backwards"
  | "sequence-gap"
  | "sequence-repeats"
  | "packets-twice"
  | "trace-mismatch"
  | "chunk-order"
  | "chunk-unfinished"
  | "chunk-unnamed"
  | "chunk-open"

/** Bytes `[from, to)` of a file. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The head of the packet at `offset` is to say something else: `bytes`, at offset `at` of the file. */
export interface InHead {
  readonly path: string
  readonly offset: number
  readonly at: number
  readonly bytes: Uint8Array
}

/** One change to the files below the directory that was checked; paths as in findings. */
export type Change =
  /** Only these ranges of the file stay, one after the other. */
  | { readonly kind: "keep"; readonly path: string; readonly ranges: ReadonlyArray<Range> }
  /** Appends these ranges of the file to the file `to`, made if need be, unless they are its end already. */
  | { readonly kind: "aside"; readonly path: string; readonly ranges: ReadonlyArray<Range>; readonly to: string }
  /** The packet is to say that it has so many bits of content. */
  | (InHead & { readonly kind: "shorten"; readonly contentSize: bigint })
  /** The packet is to say that it is of this trace. */
  | (InHead & { readonly kind: "name-trace"; readonly trace: string })
  /** The packet is to say the times that its index record has. */
  | (InHead & { readonly kind: "set-time" })
  /** The packet is to say what its index record says of this. */
  | (InHead & { readonly kind: "set-member"; readonly member: Member })
  /** Replaces the whole file by `bytes`, or makes it. `from`: the file that they were read from. */
  | { readonly kind: "write"; readonly path: string; readonly bytes: Uint8Array; readonly from?: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "remove-directory"; readonly path: string }

export interface Finding {
  readonly severity: Severity
  readonly code: Code
  /** Relative to the directory that was checked. */
  readonly path: string
  /** Byte offset in the file, where that says something. */
  readonly offset: number | undefined
  readonly detail: string
  /** What puts it right, in order; empty if nothing does. */
  readonly changes: ReadonlyArray<Change>
}

export const finding = (
  severity: Severity,
  code: Code,
  path: string,
  detail: string,
  more: { readonly offset?: number; readonly changes?: ReadonlyArray<Change> } = {}
): Finding => ({ severity, code, path, detail, offset: more.offset, changes: more.changes ?? [] })

/** Appends any number of values: as arguments of one call, a hundred thousand would be too many. */
export const append = <A>(to: Array<A>, more: Iterable<A>): void => {
  for (const one of more) to.push(one)
}

/** What a change does, for people. */
export const described = (change: Change): string => {
  switch (change.kind) {
    case "keep": {
      const [first] = change.ranges
      if (first === undefined) return `empty ${change.path}`
      if (change.ranges.length === 1 && first.from === 0) return `cut ${change.path} to ${first.to} bytes`
      return `keep ${change.ranges.map(({ from, to }) => `${from}–${to}`).join(", ")} of ${change.path}`
    }
    case "aside": {
      const count = change.ranges.reduce((sum, { from, to }) => sum + to - from, 0)
      return `set ${count} bytes of ${change.path} aside, in ${change.to}`
    }
    case "shorten":
      return `end the packet at ${change.offset} of ${change.path} after ${change.contentSize} bits`
    case "name-trace":
      return `say in the packet at ${change.offset} of ${change.path} that it is of trace ${change.trace}`
    case "set-time":
      return `say in the packet at ${change.offset} of ${change.path} when it begins and ends, as its index does`
    case "set-member":
      return `say in the packet at ${change.offset} of ${change.path} its ${change.member}, as its index does`
    case "write":
      return `write ${change.path}, ${change.bytes.length} bytes${change.from === undefined ? "" : `, as ${change.from} has them`}`
    case "rename":
      return `rename ${change.path} to ${change.to}`
    case "remove":
      return `remove ${change.path}`
    case "remove-directory":
      return `remove the directory ${change.path}`
  }
}
