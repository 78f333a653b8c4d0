/**
 * Brings one journal to the relay. It connects again until the relay has all of it, and each time continues where the
 * relay says it got to. A relay that takes no journals gets the session as the tracer would send it, in one attempt
 * (`PlainForwarding`).
 */
import { Effect, Exit, Result, Schedule, Semaphore } from "effect"
import { clockMillis } from "../../Machine.ts"
import {
  type Acknowledgement,
  acknowledgement,
  number,
  Outcome,
  reply,
  replyBytes,
  request,
  State
} from "../../protocol/journal/OpenJournal.ts"
import { headBytes, Kind, seal } from "../../protocol/journal/Record.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as Dial from "../../transport/Dial.ts"
import type { TlsFailed } from "../../transport/tls/DialTls.ts"
import { checksums } from "../journal/Checksums.ts"
import type { Journal } from "../journal/Journal.ts"
import { JournalReader, type Read, type RecordDamaged } from "../journal/JournalReader.ts"
import type { Spool } from "../spool/Spool.ts"
import { Backoff } from "./Backoff.ts"
import { accepted, acknowledged, believed } from "./Believed.ts"
import { ask, command, EdgeCircle, greet, type RelayUnfit } from "./Greeting.ts"
import type { LinkState } from "./LinkState.ts"
import { Loan } from "./Loan.ts"
import type { Meter } from "./Meter.ts"
import { idle, isGoneForGood, isWanted, nameOf } from "./Onward.ts"
import type { Pace } from "./Pace.ts"
import { type Mode, Packing } from "./Packing.ts"
import { type Done, forwardPlain } from "./PlainForwarding.ts"
import type { Route } from "./Route.ts"
import { reportOf } from "./Telling.ts"

/** A relay says something at least every five seconds. After this many times that it counts as gone. */
const silenceInterval = "5 seconds"
const silenceCountMax = 4

/** How often the relay is told how the edge is. */
const tellInterval = "2 seconds"

export interface Options {
  readonly route: Route
  readonly edgeName: string
  /** UUID of this process. */
  readonly edgeId: string
  readonly spool: Spool
  readonly pace: Pace
  readonly compression: Mode
  readonly link: LinkState
  readonly meter: Meter
  readonly dial: typeof Dial.dial
  /** How long a message that another edge has brought in part waits for its rest. */
  readonly goneMillisMax?: number | undefined
}

type Failure = Dial.DialFailed | TlsFailed | Dial.LinkLost | RelayUnfit | FileFailed | RecordDamaged

/** Forwards the journal until nothing of it is left here. */
export const forward = (journal: Journal, options: Options): Effect.Effect<void> =>
  Effect.raceFirst(
    journal.gone,
    Effect.flatMap(untilDone(journal, options), ({ lost }) => {
      if (lost === undefined) return options.spool.done(journal)
      journal.cut()
      return options.spool.abandon(journal, lost)
    })
  )

const untilDone = (journal: Journal, options: Options): Effect.Effect<Done> =>
  Effect.gen(function* () {
    const { passed } = journal
    const backoff = new Backoff(journal)
    const onUp = () => {
      backoff.up(clockMillis())
      options.link.up()
    }
    while (true) {
      if (passed !== undefined && !isWanted(journal, passed)) {
        const isForGood = yield* isGoneForGood(passed, options.goneMillisMax)
        if (isForGood) yield* Effect.uninterruptible(options.spool.leave(journal, passed, true))
        if (isForGood) continue
      }
      const done = yield* Effect.result(Effect.scoped(attempt(journal, options, onUp)))
      if (Result.isSuccess(done)) {
        if (done.success !== undefined) return done.success
        if (passed !== undefined) yield* Effect.uninterruptible(options.spool.leave(journal, passed))
        continue
      }
      const { failure } = done
      if (failure._tag === "RecordDamaged") {
        const examined = yield* Effect.result(options.spool.examine(journal))
        if (Result.isSuccess(examined) && examined.success) continue
      }
      if (failure._tag === "FileFailed") yield* journal.segments.reopenAfter(failure)
      yield* options.link.failed(failure.message, failure._tag === "EdgeCircle" ? "EDGE_CIRCLE" : undefined)
      yield* Effect.raceFirst(Effect.sleep(backoff.failed(clockMillis())), options.route.moved)
    }
  })

const attempt = (journal: Journal, options: Options, onUp: () => void) =>
  Effect.gen(function* () {
    const { to } = options.route
    const link = yield* options.dial(to.control, "control")
    const greeted = yield* greet(link)
    const { clears, takesJournals, unpacks } = greeted
    options.link.relay = greeted
    if (greeted.edges.includes(options.edgeId)) return yield* new EdgeCircle({ address: link.name })
    const packing = new Packing(unpacks ? options.compression : "off", options.spool.memory, options.link.rate)
    const elsewhere = new Dial.LinkLost({ address: link.name, reason: "the relay is elsewhere now" })
    const moved = Effect.andThen(options.route.moved, Effect.fail(elsewhere))
    if (takesJournals) return yield* Effect.raceFirst(resume(journal, link, packing, options, onUp), moved)
    if (journal.isOver) return { lost: undefined }
    return yield* forwardPlain(journal, { ...options, to, onUp, clears })
  })

const resume = (
  journal: Journal,
  link: Dial.Link,
  packing: Packing,
  options: Options,
  onUp: () => void
): Effect.Effect<Done | undefined, Failure> =>
  Effect.gen(function* () {
    const firstKept = journal.isOver ? journal.last + 2 : (journal.segments.first ?? journal.base + 1)
    const opened = yield* ask(
      link,
      command(
        number,
        request(0).encode({
          token: journal.token,
          firstKept: BigInt(firstKept),
          edgeName: nameOf(journal, options.edgeName)
        })
      ),
      replyBytes,
      reply(0)
    )
    yield* accepted(link, opened)
    if (opened.state === State.finished && isEndedElsewhere(journal)) {
      return yield* putAside(journal, link, endedElsewhere, options)
    }
    if (opened.state === State.finished)
      return yield* unlessSilent(link, (next) => finished(journal, link, next, options))
    if (journal.isOver) return { lost: undefined }
    // The relay had finished it, but the edge did not hear that.
    const isDone = journal.isFinished && journal.durable >= journal.last - 1
    if (opened.state === State.unknown && isDone) return { lost: undefined }
    if (opened.state === State.unknown) {
      return yield* putAside(journal, link, "the relay does not know it any more", options)
    }
    const { durable, received } = yield* believed(link, journal, opened)
    // The relay asks for records that it had called durable, or the spool has lost them.
    if (received + 1 < firstKept) {
      const gone = `the relay needs records ${received + 1} to ${firstKept - 1}, which are not here`
      return yield* putAside(journal, link, gone, options)
    }
    onUp()
    journal.overtaken(received)
    // What an earlier connection still had on its way will not be carried out.
    journal.handed = received
    yield* journal.acknowledge(received, durable)
    journal.passed?.hear()
    // Whoever writes has a turn until its last record is whole.
    const turn = yield* Semaphore.make(1)
    const told = turn.withPermits(1)(Effect.sync(() => link.write([reportOf(journal, options)])))
    const done = yield* Effect.onExit(
      Effect.raceAllFirst([
        send(journal, link, { packing, turn }, received + 1, options),
        hear(journal, link, turn, options),
        ...(journal.passed === undefined ? [] : [idle(journal, journal.passed)]),
        Effect.andThen(Effect.repeat(told, Schedule.spaced(tellInterval)), Effect.never)
      ]),
      (exit) =>
        Effect.sync(() => {
          journal.waitsFor = undefined
          options.link.down(Exit.isFailure(exit))
        })
    )
    return done?.lost === undefined ? done : yield* putAside(journal, link, done.lost, options)
  })

const send = (
  journal: Journal,
  link: Dial.Link,
  { packing, turn }: { readonly packing: Packing; readonly turn: Semaphore.Semaphore },
  next: number,
  { link: state, pace, spool }: Options
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
      write(bytes.subarray(from, to), last, release)
      journal.sent = Math.max(journal.sent, last)
    }
    return undefined
  }
  const sending = Effect.forever(pace.isUnlimited ? quickly : Effect.uninterruptible(some))
  const over = Effect.sync(() => kept?.release())
  return Effect.ensuring(sending, Effect.andThen(over, reader.close))
}

/** The relay knows its end, yet its tracers go on here: somebody has copied the spool. */
const isEndedElsewhere = ({ isFinished, passed }: Journal) => passed === undefined && !isFinished
const endedElsewhere = "another edge has brought its end, with a copy of the spool"

/** The relay has all of it, and remembers it until it is told that nobody here will ask for it: done when it was. */
const finished = (journal: Journal, link: Dial.Link, next: Next, { spool }: Options): Effect.Effect<Done, Failure> =>
  Effect.gen(function* () {
    const settled = yield* Effect.result(Effect.uninterruptible(spool.settle(journal)))
    if (Result.isSuccess(settled)) yield* forgotten(journal, link, next)
    return { lost: undefined }
  })

/** Tells the relay that nobody here will ask for it, until it has heard. */
const forgotten = (journal: Journal, link: Dial.Link, next: Next): Effect.Effect<void, Dial.LinkLost | RelayUnfit> =>
  Effect.gen(function* () {
    const record = Buffer.alloc(headBytes)
    seal(record, 0, { number: journal.last + 1, byteCount: 0, kind: Kind.forgotten, connection: 0 }, checksums)
    link.write([record])
    while ((yield* next).outcome !== Outcome.forgotten);
  })

/** The relay has ended it. Tells it once that it need not remember that; unheard, it remembers it for a long time. */
const putAside = (journal: Journal, link: Dial.Link, lost: string, { spool }: Options): Effect.Effect<Done> =>
  Effect.gen(function* () {
    journal.cut()
    const isAside = yield* Effect.uninterruptible(spool.putAside(journal, lost))
    if (isAside) yield* Effect.ignore(unlessSilent(link, (next) => forgotten(journal, link, next)))
    return { lost }
  })

/** The next acknowledgement. */
type Next = Effect.Effect<Acknowledgement, Dial.LinkLost | RelayUnfit>

/** Runs `listening` for as long as the relay says something. */
const unlessSilent = <A>(
  link: Dial.Link,
  listening: (next: Next) => Effect.Effect<A, Failure>
): Effect.Effect<A, Failure> => {
  let heardCount = 0
  const next = Effect.flatMap(link.read(acknowledgement.size), (bytes) => {
    heardCount++
    return acknowledged(link, bytes)
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

const hear = (
  journal: Journal,
  link: Dial.Link,
  turn: Semaphore.Semaphore,
  options: Options
): Effect.Effect<Done, Failure> =>
  unlessSilent(link, (next) =>
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
        if (outcome === Outcome.finished && !isElsewhere) return yield* finished(journal, link, next, options)
        if (outcome !== Outcome.ended && !isElsewhere) continue
        // From here on nobody writes, and the record written last is whole.
        yield* turn.take(1)
        if (isElsewhere) return { lost: endedElsewhere }
        if (journal.isCarriedOut) return yield* finished(journal, link, next, options)
        return { lost: "the relay ended the session" }
      }
    })
  )
