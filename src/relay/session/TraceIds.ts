/**
 * Ids of the CTF traces of one session, for viewers: the streams of one directory are a trace, for as long as one of
 * them is open. Applications come and go while their session goes on.
 */

interface Trace {
  readonly id: bigint
  streamCount: number
}

export class TraceIds {
  /** By directory. */
  readonly #traces = new Map<string, Trace>()
  readonly #next: () => bigint

  constructor(next: () => bigint) {
    this.#next = next
  }

  /** Adds a stream to the trace of the directory `path`; answers the trace's id. */
  enter(path: string): bigint {
    const trace = this.#traces.get(path) ?? { id: this.#next(), streamCount: 0 }
    this.#traces.set(path, trace)
    trace.streamCount++
    return trace.id
  }

  /** Takes a closed stream out of the trace. */
  leave(path: string): void {
    const trace = this.#traces.get(path)
    if (trace !== undefined && --trace.streamCount === 0) this.#traces.delete(path)
  }

  get size(): number {
    return this.#traces.size
  }
}
