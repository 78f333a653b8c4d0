/**
 * What `SEND_INDEX` acknowledges is in the files when its answer leaves: what was gathered is written in the turn that
 * answers. An index that was read before its packet is answered some looks at the sockets later. Where a file is only
 * being opened the answer waits for it, for a bounded time. Where a device may keep others waiting nothing is waited
 * for, see docs/durability.md.
 */
import { Effect } from "effect"
import { setImmediate, setTimeout } from "../../Machine.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { WriteLog } from "../../relay/stream/WriteLog.ts"
import type { Reply } from "./Command.ts"

const nothing: Reply = { bytes: undefined, after: "keep", refusal: undefined }

/** A busy machine takes its time to open a file. */
const writeWait = "1 second"

/** A packet is sent before its index: it is in its socket already, or about to be. */
const lookCountMax = 8
/** Of these without a pause; then a millisecond lies between two. */
const quickLookCount = 4

/** The streams whose indexes are about to be answered. */
export class Acknowledged {
  readonly #streams: Array<StreamActor> = []
  readonly #lookAgain: () => void
  #lookCount = 0

  /** `look` is called after a look at the sockets, when `looksAgain` said so. */
  constructor(look: () => void) {
    this.#lookAgain = look
  }

  add(stream: StreamActor): void {
    if (this.#streams.at(-1) !== stream) this.#streams.push(stream)
  }

  /** Whether packets of theirs are still to be read. */
  looksAgain(): boolean {
    const isAgain = this.#lookCount < lookCountMax && this.#streams.some(({ model }) => model.awaitingDataCount > 0)
    this.#lookCount = isAgain ? this.#lookCount + 1 : 0
    if (isAgain && this.#lookCount > quickLookCount) setTimeout(this.#lookAgain, 1)
    else if (isAgain) setImmediate(this.#lookAgain)
    return isAgain
  }

  /** Writes what is theirs. Answers what to wait for, if there is something: what was to be said is said already. */
  writeOut(): Effect.Effect<Reply> | undefined {
    let behind: Array<WriteLog> | undefined
    for (let stream = this.#streams.pop(); stream !== undefined; stream = this.#streams.pop()) {
      if (stream.log.writeOut()) continue
      behind ??= []
      behind.push(stream.log)
    }
    if (behind === undefined) return undefined
    const written = Effect.forEach(behind, (log) => Effect.ignore(log.synced), { discard: true })
    return Effect.as(Effect.timeoutOption(written, writeWait), nothing)
  }
}
