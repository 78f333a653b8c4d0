/** One connection to the relay: sends a journal, packed where it is worth it, as fast as link and pace let it. */
import { Effect, type Semaphore } from "effect"
import { clockMillis } from "../../Machine.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type * as Dial from "../../transport/Dial.ts"
import type { Journal } from "../journal/Journal.ts"
import { JournalReader, type Read, type RecordDamaged } from "../journal/JournalReader.ts"
import type { Spool } from "../spool/Spool.ts"
import type { LinkState } from "./LinkState.ts"
import { Loan } from "./Loan.ts"
import type { Pace } from "./Pace.ts"
import type { Packing } from "./Packing.ts"

/** What all journals share. */
interface Outlet {
  readonly link: LinkState
  readonly pace: Pace
  readonly spool: Spool
}

/** What this connection has; whoever writes has the turn until its last record is whole. */
interface Means {
  readonly packing: Packing
  readonly turn: Semaphore.Semaphore
}

type Failure = Dial.LinkLost | FileFailed | RecordDamaged

/** Sends the journal from the record `next` on, for ever. */
export const send = (
  journal: Journal,
  link: Dial.Link,
  { packing, turn }: Means,
  next: number,
  { link: state, pace, spool }: Outlet
): Effect.Effect<never, Failure> => {
  const reader = new JournalReader(journal, next)
  let sentBytes = 0
  /** Done when the link has taken what was sent last. */
  const taken = () => {
    if (sentBytes === 0) return
    state.rate.sent(sentBytes)
    spool.flow.sent(sentBytes)
  }
  const write = (bytes: Uint8Array, last: number, sent: (() => void) | undefined) => {
    sentBytes = bytes.length
    link.write([bytes], sent)
    state.sentByteCount += sentBytes
    if (last <= journal.sent) state.resentByteCount += sentBytes
  }
  // The next records are read while the link takes these.
  const ready = Effect.suspend(() => {
    const asked = clockMillis()
    return Effect.map(link.drained, () => state.rate.waited(asked))
  })
  const sendOf = ({ bytes, from, last, release, to }: Read, isPacked: boolean) => {
    let loan = new Loan(release)
    // The packed record takes its place.
    const packed = Effect.map(packing.pack(bytes, from, to, last), (record) => {
      if (record === undefined) return undefined
      loan.over()
      loan = record.loan
      state.savedByteCount += to - from - record.bytes.length
      return record.bytes
    })
    const sent = Effect.gen(function* () {
      journal.given = Math.max(journal.given, last)
      const wire = (isPacked ? yield* Effect.uninterruptible(packed) : undefined) ?? bytes.subarray(from, to)
      for (let at = 0, end = 0; at < wire.length; at = end) {
        end = Math.min(wire.length, at + (yield* pace.pieceBytes))
        yield* ready
        taken()
        yield* pace.admit(end - at)
        write(wire.subarray(at, end), last, loan.more())
      }
      journal.sent = Math.max(journal.sent, last)
    })
    return Effect.ensuring(
      Effect.interruptible(turn.withPermits(1)(sent)),
      Effect.sync(() => loan.over())
    )
  }
  const some = Effect.gen(function* () {
    const read = yield* reader.read
    yield* sendOf(read, packing.isWorth(read.to - read.from, yield* pace.isLimited))
  })
  let kept: Read | undefined
  const sendKept = Effect.uninterruptible(
    Effect.suspend(() => {
      const read = kept
      kept = undefined
      return read === undefined ? Effect.void : sendOf(read, true)
    })
  )
  // Plain calls, not an effect for each read, as long as nothing but the tracer has to be waited for: what it says is
  // sent in the call that has written it, while it is still in the processor's cache.
  const quickly = Effect.callback<void, Failure>((resume) => {
    let forget = () => {}
    const pump = () => {
      try {
        const then = pumped()
        if (then !== undefined) resume(then)
        else if (reader.isAtEnd) forget = reader.whenGrown(pump)
        else forget = whenReady(pump)
      } catch (cause) {
        resume(Effect.die(cause))
      }
    }
    pump()
    return Effect.sync(() => forget())
  })
  const whenReady = (then: () => void) => {
    const asked = clockMillis()
    return link.whenDrained(() => {
      state.rate.waited(asked)
      then()
    })
  }
  /** Sends what it can. Answers what needs an effect next; undefined: the link or the tracer has to be waited for. */
  const pumped = (): Effect.Effect<void, Failure> | undefined => {
    while (link.isDrained()) {
      const read = reader.lend()
      if (read === undefined) return reader.isAtEnd ? undefined : Effect.uninterruptible(some)
      const { bytes, from, last, release, to } = read
      if (packing.isWorth(to - from, false)) {
        kept = read
        return sendKept
      }
      taken()
      journal.given = Math.max(journal.given, last)
      write(bytes.subarray(from, to), last, release)
      journal.sent = Math.max(journal.sent, last)
    }
    return undefined
  }
  const sending = Effect.forever(pace.isUnlimited ? quickly : Effect.uninterruptible(some))
  const over = Effect.sync(() => kept?.release())
  return Effect.ensuring(sending, Effect.andThen(over, reader.close))
}
