/** One connection from the relay: what the relay says of a journal, until it has all of it or has ended it. */
import { Effect, Result, type Semaphore } from "effect"
import { report } from "../../errors/Report.ts"
import {
  type Acknowledgement,
  acknowledgement,
  lostBytesMax,
  lostHead,
  Outcome
} from "../../protocol/journal/OpenJournal.ts"
import { headBytes, Kind, seal } from "../../protocol/journal/Record.ts"
import { viewOf } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as Dial from "../../transport/Dial.ts"
import { checksums } from "../journal/Checksums.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { acknowledged, believed, believedAll } from "./Believed.ts"
import { RelayUnfit } from "./Greeting.ts"
import type { Done } from "./plain/PlainForwarding.ts"

/** A relay says something at least every five seconds. After this many times that it counts as gone. */
const silenceInterval = "5 seconds"
const silenceCountMax = 4

interface Keeping {
  readonly spool: Spool
}

type LinkFailure = Dial.LinkLost | RelayUnfit
type Failure = LinkFailure | FileFailed

/** The relay knows its end, yet its tracers go on here: somebody has copied the spool. */
export const isEndedElsewhere = ({ isFinished, passed }: Journal) => passed === undefined && !isFinished
export const endedElsewhere = "another edge has brought its end, with a copy of the spool"

export const relayEnded = "the relay ended the session"

/** The relay has all of it, and remembers it until it is told that nobody here will ask for it: done when it was. */
export const finished = (
  journal: Journal,
  link: Dial.Link,
  next: Next,
  { spool }: Keeping
): Effect.Effect<Done, Failure> =>
  Effect.gen(function* () {
    const settled = yield* Effect.result(Effect.uninterruptible(spool.settle(journal)))
    if (Result.isSuccess(settled)) yield* forgotten(journal, link, next)
    return { lost: undefined }
  })

/** Tells the relay that nobody here will ask for it, until it has heard. */
const forgotten = (journal: Journal, link: Dial.Link, next: Next): Effect.Effect<void, LinkFailure> =>
  Effect.gen(function* () {
    const record = Buffer.alloc(headBytes)
    seal(record, 0, { number: journal.last + 1, byteCount: 0, kind: Kind.forgotten, connection: 0 }, checksums)
    link.write([record])
    while ((yield* next).outcome !== Outcome.forgotten);
  })

/** The relay has ended it. Tells it once that it need not remember that; unheard, it remembers it for a long time. */
export const putAside = (journal: Journal, link: Dial.Link, lost: string, { spool }: Keeping): Effect.Effect<Done> =>
  Effect.gen(function* () {
    journal.cut()
    const isAside = yield* Effect.uninterruptible(spool.putAside(journal, lost))
    if (isAside) yield* Effect.ignore(unlessSilent(journal, link, { spool }, (next) => forgotten(journal, link, next)))
    return { lost }
  })

/** The next acknowledgement. */
type Next = Effect.Effect<Acknowledgement, LinkFailure>

/** Parts that are remembered of a journal: a relay tells of all of them on each connection. */
const lostCountMax = 256

/** A part of it has ended at the relay alone. */
const heardLost = (journal: Journal, link: Dial.Link, { losses }: Spool): Effect.Effect<void, LinkFailure> =>
  Effect.gen(function* () {
    const { byteCount } = lostHead.read(viewOf(yield* link.read(lostHead.size)), 0)
    if (byteCount > lostBytesMax) {
      return yield* new RelayUnfit({ address: link.name, reason: `it says ${byteCount} bytes of what is lost` })
    }
    const why = Buffer.from(yield* link.read(byteCount)).toString()
    if (journal.lost.includes(why) || journal.lost.length >= lostCountMax) return
    journal.lost.push(why)
    losses.addPart({ name: journal.about.name, why })
    journal.passed?.tell()
    yield* report("PART_LOST", `${journal.about.name}: ${why}`)
  })

/** Runs `listening` for as long as the relay says something. */
export const unlessSilent = <A>(
  journal: Journal,
  link: Dial.Link,
  { spool }: Keeping,
  listening: (next: Next) => Effect.Effect<A, Failure>
): Effect.Effect<A, Failure> => {
  let heardCount = 0
  const next: Next = Effect.gen(function* () {
    while (true) {
      const bytes = yield* link.read(acknowledgement.size)
      heardCount++
      const said = yield* acknowledged(link, bytes)
      if (said.outcome !== Outcome.lost) return said
      yield* heardLost(journal, link, spool)
    }
  })
  const silent = Effect.gen(function* () {
    let before = heardCount
    for (let count = 0; count < silenceCountMax; count++) {
      yield* Effect.sleep(silenceInterval)
      if (heardCount !== before) count = -1
      before = heardCount
    }
    return yield* new Dial.LinkLost({ address: link.name, reason: "the relay is silent" })
  })
  return Effect.raceFirst(listening(next), silent)
}

const waits: ReadonlySet<Outcome> = new Set([Outcome.waitsForRights, Outcome.waitsForQuota, Outcome.waitsForRoom])

/** Hears what the relay says until it has all of it, or has ended it. */
export const hear = (
  journal: Journal,
  link: Dial.Link,
  turn: Semaphore.Semaphore,
  options: Keeping
): Effect.Effect<Done, Failure> =>
  unlessSilent(journal, link, options, (next) =>
    Effect.gen(function* () {
      while (true) {
        const said = yield* next
        const { outcome } = said
        const { durable, received } = yield* believed(link, journal, said)
        yield* journal.acknowledge(received, durable)
        const waitsFor = waits.has(outcome) ? outcome : undefined
        const isNews = waitsFor !== journal.waitsFor
        journal.waitsFor = waitsFor
        if (isNews) journal.passed?.tell()
        const isElsewhere = outcome === Outcome.finished && isEndedElsewhere(journal)
        if (outcome === Outcome.finished && !isElsewhere) {
          yield* believedAll(link, journal)
          return yield* finished(journal, link, next, options)
        }
        if (outcome !== Outcome.ended && !isElsewhere) continue
        // From here on nobody writes, and the record written last is whole.
        yield* turn.take(1)
        if (isElsewhere) return { lost: endedElsewhere }
        if (journal.isCarriedOut) return yield* finished(journal, link, next, options)
        return { lost: relayEnded }
      }
    })
  )
