/** Keeps the events of the last seconds of trace time, as many as a tab can hold, to be saved as a file. */
import type { Line } from "./ChromeLines.ts"

export const secondsMax = 10
/** Most events kept: some 50 MB of a tab's memory. */
const countMax = 100_000

const nanos = BigInt(secondsMax) * 1_000_000_000n

export class Recent {
  readonly #lines: Array<Line> = []
  #from = 0
  #newest = 0n

  add(line: Line): void {
    if (line.type !== "event" || line.ts === undefined) return
    this.#lines.push(line)
    const time = BigInt(line.ts)
    if (time > this.#newest) this.#newest = time
    const oldest = this.#newest - nanos
    while (this.#isOver(this.#lines[this.#from], oldest)) this.#from++
    // Moving all of them for each that is dropped would cost more than all else.
    if (this.#from * 2 <= this.#lines.length) return
    this.#lines.splice(0, this.#from)
    this.#from = 0
  }

  #isOver(line: Line | undefined, oldest: bigint): boolean {
    return line !== undefined && (this.count > countMax || BigInt(line.ts ?? 0) < oldest)
  }

  get count(): number {
    return this.#lines.length - this.#from
  }

  get lines(): ReadonlyArray<Line> {
    return this.#lines.slice(this.#from)
  }
}
