/**
 * Sends a journal to a relay that takes none, as the tracer itself would: command by command, packet by packet, in the
 * version of the protocol that the relay speaks (`Translation`). Such a relay ends a session when its connection is
 * lost, so a process makes one attempt: what it did not get by then stays here. The next process makes another one,
 * from the beginning if that is here (`Beside`).
 */
import { Effect, Result, type Scope } from "effect"
import { headBytes, Kind, offsets } from "../../../protocol/journal/Record.ts"
import type { FileFailed } from "../../../storage/Files.ts"
import type { Journal } from "../../journal/Journal.ts"
import { JournalReader, type RecordDamaged } from "../../journal/JournalReader.ts"
import type { LinkState } from "../LinkState.ts"
import { Loan } from "../Loan.ts"
import type { Pace } from "../Pace.ts"
import { type Addresses, Conversation, type Failure as Unsaid } from "./Conversation.ts"

/** What became of a journal: `lost` says why not all of it is at the relay. */
export interface Done {
  readonly lost: string | undefined
}

type Failure = Exclude<Unsaid, { readonly _tag: "Refused" }> | FileFailed | RecordDamaged

export interface Options {
  readonly to: Addresses
  readonly pace: Pace
  readonly link: LinkState
  /** The relay allows clearing. */
  readonly clears: boolean
  readonly onUp: () => void
}

/** Sends the journal until the relay has all of it, or is lost. */
export const forwardPlain = (journal: Journal, options: Options): Effect.Effect<Done, Failure, Scope.Scope> => {
  const { begunCount = 0, name } = journal.about
  const { clears, to } = options
  const conversation = new Conversation({ name, to, clears, begunCount, begin: journal.begins })
  const reader = new JournalReader(journal, 1)
  const some = Effect.gen(function* () {
    const { bytes, from, last, release, to } = yield* reader.read
    const loan = new Loan(release)
    conversation.begin(loan)
    const carriedOut = Effect.gen(function* () {
      yield* options.pace.admit(to - from)
      for (let at = from; at < to; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
        yield* conversation.record(bytes, at)
        if (bytes.readUInt16BE(at + offsets.kind) === Kind.finish) return { lost: undefined }
      }
      options.link.sentByteCount += to - from
      yield* journal.acknowledge(last, conversation.isBegun ? last : 0)
      return undefined
    })
    return yield* Effect.ensuring(Effect.interruptible(carriedOut), Effect.sync(loan.over))
  })
  const all = Effect.gen(function* () {
    while (true) {
      const done = yield* Effect.uninterruptible(some)
      if (done !== undefined) return done
    }
  }).pipe(Effect.ensuring(reader.close))
  return Effect.gen(function* () {
    if ((journal.segments.first ?? 1) > 1)
      return { lost: "the relay takes no journals, and its beginning was forwarded" }
    options.onUp()
    journal.passed?.hear()
    const done = yield* Effect.result(all)
    options.link.down(Result.isFailure(done))
    if (Result.isSuccess(done)) return done.success
    const { failure } = done
    if (!conversation.isBegun && failure._tag !== "Refused") return yield* Effect.fail(failure)
    return { lost: failure.message }
  })
}
