/**
 * Keeps recent answers, for clients that ask the same again and again: the relay's loop gets each question only twice a
 * second, or a few times at once after a quiet time. An action makes all answers void. Pure.
 */
import { Credit } from "../../model/Credit.ts"

export interface Whole {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

interface Known {
  whole: Whole | undefined
  wholeAt: number
  readonly credit: Credit
}

const freshPerSecond = 2
/** Several at once, so that looks before and after an event show the difference. */
const burstCount = 5
const ageMillisMax = 1_000
const keyCountMax = 64
/** Most bytes of all kept answers. */
const bytesMax = 4 * 1024 * 1024

/** Headers on which an answer depends: who asks, by which name, from which page, for which form. */
const named = ["host", "authorization", "accept", "sec-fetch-site", "sec-fetch-mode"] as const

export const keyOf = (target: string, headers: Readonly<Record<string, string>>): string =>
  JSON.stringify([target, ...named.map((name) => headers[name])])

export class Recent {
  /** Answers by key, the one asked for last at the end. */
  readonly #known = new Map<string, Known>()
  #byteCount = 0

  /** The answer to give; undefined: the relay's loop has to be asked. */
  find(key: string, now: number): Whole | undefined {
    const known = this.#known.get(key) ?? {
      whole: undefined,
      wholeAt: 0,
      credit: new Credit(freshPerSecond, burstCount, now)
    }
    this.#known.delete(key)
    this.#known.set(key, known)
    this.#trim()
    const count = known.credit.at(now)
    if (count < 1 && known.whole !== undefined && now - known.wholeAt < ageMillisMax) return known.whole
    known.credit.spend(Math.min(1, count))
    return undefined
  }

  keep(key: string, whole: Whole, now: number): void {
    const known = this.#known.get(key)
    if (known === undefined || whole.bytes.length > bytesMax) return
    this.#byteCount += whole.bytes.length - (known.whole?.bytes.length ?? 0)
    known.whole = whole
    known.wholeAt = now
    this.#trim()
  }

  clear(): void {
    for (const known of this.#known.values()) known.whole = undefined
    this.#byteCount = 0
  }

  #trim(): void {
    for (const [key, { whole }] of this.#known) {
      if (this.#known.size <= keyCountMax && this.#byteCount <= bytesMax) return
      this.#known.delete(key)
      this.#byteCount -= whole?.bytes.length ?? 0
    }
  }
}
