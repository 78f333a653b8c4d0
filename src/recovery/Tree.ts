/** Recorded files as a check reads them: plain calls, so that it runs over a disk and over memory alike. */
import type { Source } from "../ctf/decode/DataStream.ts"

export interface Entry {
  readonly name: string
  /** A link is one that leads to a file or directory outside of the tree: it is not followed. */
  readonly kind: "file" | "directory" | "link" | "other"
  readonly byteCount: number
  /** When it changed last, in seconds since the epoch; 0 if nobody knows. */
  readonly changedAt: number
}

/** One data file: packets are looked at where they begin. */
export interface DataSource {
  readonly from: (offset: number) => Source
  readonly release: () => void
}

/** Paths are relative to its root; `""` is the root. Everything throws what the system says. */
export interface Tree {
  /** In order of the names' bytes. */
  readonly list: (path: string) => ReadonlyArray<Entry>
  readonly read: (path: string) => Uint8Array
  readonly data: (path: string, byteCount: number) => DataSource
  /** Files that somebody has open for writing now, as far as that is known. */
  readonly written?: () => ReadonlySet<string>
}

export const join = (directory: string, name: string): string => (directory === "" ? name : `${directory}/${name}`)

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))
