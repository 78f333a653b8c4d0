/** What the thread that has the port's connections and the one that answers tell each other. */
import type { AddressInfo, ListenOptions } from "node:net"

/** What the thread is started with. */
export interface Start {
  readonly listen: ListenOptions
  readonly connectionCountMax: number
}

export type Headers = Readonly<Record<string, string>>

/** By the thread. A request is whole; `id` names it until its answer is sent or nobody waits for it. */
export type Told =
  | { readonly _tag: "Listening"; readonly address: AddressInfo | string }
  /** An error on its way between threads loses its code. */
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
  /** What there was of the answer is sent, as far as the client takes it. */
  | { readonly _tag: "More"; readonly id: number }
  | { readonly _tag: "Gone"; readonly id: number }

/** To the thread. A `Part` after the first comes for each `More`. */
export type Answered =
  | { readonly _tag: "Head"; readonly id: number; readonly status: number; readonly headers: Headers }
  | { readonly _tag: "Part"; readonly id: number; readonly bytes: Uint8Array; readonly isLast: boolean }
  /** No more connections; clients that wait for an answer still get it. */
  | { readonly _tag: "Close" }
