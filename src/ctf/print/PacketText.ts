/** What the head of a packet is printed as: the same for all of its event records, and so is much of their lines. */
import type { Bytes } from "./Bytes.ts"

/** Around the packet's own text, in the lines of one class. */
export interface Around {
  /** Small, of each class of a printer another one. */
  readonly index: number
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/** Longer ones are no longer worth their memory: each class has its own of each packet. */
const joinedMax = 512
const metOnce = new Uint8Array(0)

export class PacketText {
  /** The printer that made it. */
  readonly by: object
  readonly #bytes: Uint8Array
  /** By class. */
  readonly #joined: Array<Uint8Array | undefined> = []

  constructor(by: object, bytes: Uint8Array) {
    this.by = by
    this.#bytes = bytes
  }

  write(around: Around, out: Bytes): void {
    const joined = this.#joined[around.index]
    if (joined !== undefined && joined.length > 0) out.write(joined)
    else this.#writeParts(around, joined === metOnce, out)
  }

  #writeParts({ after, before, index }: Around, isAgain: boolean, out: Bytes): void {
    const from = out.at
    out.write(before)
    out.write(this.#bytes)
    out.write(after)
    if (out.at - from > joinedMax) return
    this.#joined[index] = isAgain ? new Uint8Array(out.bytes.subarray(from, out.at)) : metOnce
  }
}
