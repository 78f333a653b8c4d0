/**
 * How much of one connection is carried out before others are looked at. A socket that always has more is read up to
 * 32 times in a row: as short commands that is as much work as keeps everybody else waiting for a second.
 */
import { setImmediate } from "../Machine.ts"
import type { Peer } from "../transport/Peer.ts"

/** At most a thousand commands. Peers that wait for answers say less at once, but for metadata. */
export const turnBytes = 32 * 1024

export class Turn {
  /** Nothing more is read until it is called that it goes on. */
  isOver = false
  /** Read since the last turn ended: how many reads bring it, and when, makes no difference. */
  #byteCount = 0
  readonly #goOn: () => void

  /** `goOn` is called after the connection's end, too. */
  constructor(goOn: () => void) {
    this.#goOn = goOn
  }

  /** So many bytes were read. Over TLS a look at the socket brings many short reads. */
  took(byteCount: number): void {
    this.#byteCount += byteCount
    if (this.#byteCount < turnBytes || this.isOver) return
    this.isOver = true
    setImmediate(() => {
      this.isOver = false
      this.#byteCount = 0
      this.#goOn()
    })
  }
}

export interface InTurns extends Pick<Peer, "carried" | "readAtMost"> {
  /** To be called when `bytesMax` answers something else. */
  readonly bound: () => void
}

/** The peer, of which no read brings more than `bytesMax` says. */
export const inTurns = (peer: Peer, bytesMax: () => number): InTurns => {
  let asked = Number.POSITIVE_INFINITY
  const bound = () => peer.readAtMost(Math.min(asked, bytesMax()))
  bound()
  return {
    ...(peer.carried !== undefined && { carried: peer.carried }),
    readAtMost: (byteCount) => {
      asked = byteCount
      bound()
    },
    bound
  }
}
