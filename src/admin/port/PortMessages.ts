/** Messages between the thread that has the port's connections and the relay's thread, which answers. */
import type { AddressInfo, ListenOptions } from "node:net"

/** What the thread is started with. */
export interface Start {
  readonly listen: ListenOptions
  readonly connectionCountMax: number
}

export type Headers = Readonly<Record<string, string>>

/** Sent by the port's thread. A request is whole; `id` names it until its answer is sent or nobody waits for it. */
export type Told =
  | { readonly _tag: "Listening"; readonly address: AddressInfo | string }
  /** Not an `Error`: on its way between threads that would lose its code. */
  | { readonly _tag: "Refused"; readonly code: string | undefined; readonly message: string }
  | {
      readonly _tag: "Asked"
      readonly id: number
      readonly method: string
      /** Path and query. */
      readonly target: string
      readonly headers: Headers
      readonly body: Uint8Array<ArrayBuffer> | undefined
    }
  /** The client has taken the parts sent so far: the next one can come. */
  | { readonly _tag: "More"; readonly id: number }
  | { readonly _tag: "Gone"; readonly id: number }

/** Sent to the port's thread. Each `Part` after the first is sent for one `More`. */
export type Answered =
  | { readonly _tag: "Head"; readonly id: number; readonly status: number; readonly headers: Headers }
  | { readonly _tag: "Part"; readonly id: number; readonly bytes: Uint8Array; readonly isLast: boolean }
  /** Take no more connections; clients that wait for an answer still get it. */
  | { readonly _tag: "Close" }
