/**
 * Makes the answer to `SEND_INDEX` true: when it leaves, the packet and its record are in the files (storage.md §7).
 *
 * - Before answers leave, `writeOut` writes what their streams have gathered, in the same turn.
 * - An index that was read before its packet is answered up to `lookCountMax` looks at the sockets later.
 * - While a file is being opened, the answer waits for it, at most `writeWait`.
 * - What could not be written is refused: that answer and all after it are taken back.
 *
 * A device on which others would wait is not waited for: docs/durability.md.
 */
import { Effect, Exit, Option } from "effect"
import { setImmediate, setTimeout } from "../../Machine.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { WriteLog } from "../../relay/stream/WriteLog.ts"
import type { Reply } from "./Command.ts"

const nothing: Reply = { bytes: undefined, after: "keep", refusal: undefined }
/** The reason was logged when the file failed. */
const failed: Reply = { bytes: undefined, after: "end", refusal: { code: "WRITE_FAILED", detail: "not written" } }

/** How long an answer waits for a file to be opened, which takes a while on a busy machine. */
const writeWait = "1 second"

/**
 * Looks at the sockets after which a packet must have come: it is sent before its index, and so is in its socket or
 * about to be.
 */
const lookCountMax = 8
/** The first of these follow each other without a pause, the others after a millisecond. */
const quickLookCount = 4

/** The place of an answer that is given whatever becomes of the packet. */
const nowhere = Number.POSITIVE_INFINITY

/** The streams whose indexes are about to be answered. */
export class Acknowledged {
  readonly #streams: Array<StreamActor> = []
  /** For each of `#streams`, the place where its answers begin. */
  readonly #places: Array<number> = []
  readonly #lookAgain: () => void
  readonly #takeBack: (place: number) => void
  #lookCount = 0
  /** The place of the first answer that waits for files now. */
  #waitedFor = nowhere

  /**
   * `look` is called after another look at the sockets, if `looksAgain` answered true; `takeBack` if the answer at a
   * place, and all that follow it, must not be given.
   */
  constructor(look: () => void, takeBack: (place: number) => void) {
    this.#lookAgain = look
    this.#takeBack = takeBack
  }

  /**
   * An index of `stream` is to be answered at `place`, in bytes of answers. Undefined: its packet has not come, and the
   * answer stands even if that cannot be written later.
   */
  add(stream: StreamActor, place: number | undefined): void {
    const last = this.#streams.length - 1
    if (this.#streams[last] !== stream) {
      this.#streams.push(stream)
      this.#places.push(place ?? nowhere)
    } else if (this.#places[last] === nowhere) this.#places[last] = place ?? nowhere
  }

  /** Whether packets of the streams are still to be read, or are being written by another thread: `look` follows. */
  looksAgain(): boolean {
    const beside = this.#streams.find(({ log }) => log.isBeside)
    const isAgain =
      this.#lookCount < lookCountMax &&
      (beside !== undefined || this.#streams.some(({ model }) => model.awaitingDataCount > 0))
    this.#lookCount = isAgain ? this.#lookCount + 1 : 0
    if (isAgain && beside !== undefined) beside.log.besideWaiting.add(this.#lookAgain)
    else if (isAgain && this.#lookCount > quickLookCount) setTimeout(this.#lookAgain, 1)
    else if (isAgain) setImmediate(this.#lookAgain)
    return isAgain
  }

  /** `looksAgain` answered true: `look` is about to be called. */
  get isLooking(): boolean {
    return this.#lookCount > 0
  }

  /** Writes what the streams have gathered. Returns what the answers have to wait for; undefined: nothing. */
  writeOut(): Effect.Effect<Reply> | undefined {
    const behind = this.#writeOut()
    if (behind.length === 0) return undefined
    this.#waitedFor = Math.min(...behind.map(({ place }) => place))
    const written = Effect.map(Effect.forEach(behind, failedAt, { concurrency: "unbounded" }), (places) => {
      const place = Math.min(...places)
      if (place === nowhere) return nothing
      this.#takeBack(place)
      return failed
    })
    return Effect.map(Effect.timeoutOption(written, writeWait), (reply) => {
      this.#waitedFor = nowhere
      return Option.getOrElse(reply, () => nothing)
    })
  }

  /** As `writeOut`, without waiting. Returns the first place whose answer may promise what is not in the files. */
  unwrittenFrom(): number {
    return this.#writeOut().reduce((least, { place }) => Math.min(least, place), this.#waitedFor)
  }

  /** Returns the streams that could not be written in this turn, or failed. */
  #writeOut(): ReadonlyArray<Behind> {
    let behind: Array<Behind> | undefined
    for (let stream = this.#streams.pop(); stream !== undefined; stream = this.#streams.pop()) {
      const place = this.#places.pop() ?? nowhere
      if (stream.log.writeOut() && stream.log.failure === undefined) continue
      behind ??= []
      behind.push({ log: stream.log, place })
    }
    return behind ?? none
  }
}

interface Behind {
  readonly log: WriteLog
  /** The place where its answers begin. */
  readonly place: number
}

const none: ReadonlyArray<Behind> = []

/** The place of the stream's answers if its log fails, else `nowhere`. */
const failedAt = ({ log, place }: Behind): Effect.Effect<number> =>
  Effect.map(Effect.exit(log.written), (exit) => (Exit.isFailure(exit) ? place : nowhere))
