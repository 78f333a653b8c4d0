/** Carries out the history of a journal again, one record after the other, as an edge would bring them. */
import { Effect } from "effect"
import * as HistoryRecord from "../../relay/journal/HistoryRecord.ts"
import type * as JournalsLeft from "../../relay/journal/JournalsLeft.ts"
import { Wake } from "../../relay/Wake.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** No record takes as long, since shadows are quick. One that does is damaged, and would be waited for for ever. */
const recordWait = "1 minute"

class Replayer {
  readonly peer = "itself"
  readonly #journal: HostedJournal
  readonly #wake = new Wake(() => this.#journal.isReady)

  constructor(journal: HostedJournal) {
    this.#journal = journal
    journal.attach(this)
  }

  onReady(): void {
    this.#wake.call()
  }

  onReplaced(): void {}

  get ready(): Effect.Effect<void> {
    return Effect.suspend(() => (this.#journal.isReady ? Effect.void : this.#untilReady))
  }

  get #untilReady(): Effect.Effect<void> {
    const orElse = () => Effect.die(new Error(`record ${this.#journal.received} is not carried out`))
    return Effect.timeoutOrElse(this.#wake.wait, { duration: recordWait, orElse })
  }
}

/** Afterwards the journal is where the history ends. */
export const replayed = (journal: HostedJournal, found: JournalsLeft.Found) =>
  Effect.gen(function* () {
    const replayer = new Replayer(journal)
    journal.places = found.places
    yield* found.replay((number, kind, connection, bytes, from, to) =>
      Effect.flatMap(replayer.ready, () => {
        if (kind === HistoryRecord.basis) return journal.abridgement.goOn(connection, bytes.subarray(from, to))
        if (kind === HistoryRecord.advance) journal.advance(bytes, from, to)
        else journal.record(number, kind, connection, bytes, from, to)
        return Effect.void
      })
    )
    journal.received = found.marked
    yield* replayer.ready
    yield* journal.brought.settled
    journal.places = undefined
    journal.detach(replayer)
  })
