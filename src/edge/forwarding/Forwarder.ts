/**
 * Brings one journal to the relay. It connects again until the relay has all of it, and each time continues where the
 * relay says it got to. A relay that takes no journals gets the session as the tracer would send it, in one attempt
 * (`PlainForwarding`).
 */
import { Effect, Exit, Result, Schedule, Semaphore } from "effect"
import { clockMillis } from "../../Machine.ts"
import { number, type Reply, reply, replyBytes, request, State } from "../../protocol/journal/OpenJournal.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as Dial from "../../transport/Dial.ts"
import type { TlsFailed } from "../../transport/tls/DialTls.ts"
import type { Journal } from "../journal/Journal.ts"
import type { RecordDamaged } from "../journal/JournalReader.ts"
import type { Spool } from "../spool/Spool.ts"
import { Backoff } from "./Backoff.ts"
import { accepted, believed, mostAtFirst } from "./Believed.ts"
import { ask, command, EdgeCircle, greet, type RelayUnfit } from "./Greeting.ts"
import { endedElsewhere, finished, hear, isEndedElsewhere, putAside, relayEnded, unlessSilent } from "./Hearing.ts"
import type { LinkState } from "./LinkState.ts"
import type { Meter } from "./Meter.ts"
import { idle, isGoneForGood, isWanted, nameOf } from "./Onward.ts"
import type { Pace } from "./Pace.ts"
import { type Mode, Packing } from "./Packing.ts"
import type { Addresses } from "./plain/Conversation.ts"
import { type Done, forwardPlain } from "./plain/PlainForwarding.ts"
import type { Route } from "./Route.ts"
import { send } from "./Sending.ts"
import { hears, reportOf } from "./Telling.ts"

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
      const { to } = options.route
      const done = yield* Effect.result(Effect.scoped(attempt(journal, to, options, onUp)))
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
      yield* Effect.raceFirst(Effect.sleep(backoff.failed(clockMillis())), options.route.movedFrom(to))
    }
  })

const attempt = (journal: Journal, to: Addresses, options: Options, onUp: () => void) =>
  Effect.gen(function* () {
    const link = yield* options.dial(to.control, "control")
    const greeted = yield* Effect.catchTag(greet(link), "LinkLost", Dial.unanswered(to.control))
    const { clears, takesJournals, tells, unpacks } = greeted
    options.link.relay = greeted
    if (greeted.edges.includes(options.edgeId)) return yield* new EdgeCircle({ address: link.name })
    const packing = new Packing(unpacks ? options.compression : "off", options.spool.memory, options.link.rate)
    const elsewhere = new Dial.LinkLost({ address: link.name, reason: "the relay is elsewhere now" })
    const moved = Effect.andThen(options.route.movedFrom(to), Effect.fail(elsewhere))
    if (takesJournals) return yield* Effect.raceFirst(moved, resume(journal, link, { packing, tells }, options, onUp))
    if (journal.isOver) return { lost: undefined }
    return yield* forwardPlain(journal, { ...options, to, onUp, clears })
  })

const whyUnknown = ({ received }: Reply, firstKept: number): string => {
  if (received > 0n) return relayEnded
  const gone = firstKept > 1 ? `, and records 1 to ${firstKept - 1} are not here any more` : ""
  return `the relay does not know it${gone}`
}

const resume = (
  journal: Journal,
  link: Dial.Link,
  { packing, tells }: { readonly packing: Packing; readonly tells: boolean },
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
      return yield* unlessSilent(journal, link, options, (next) => finished(journal, link, next, options))
    if (journal.isOver) return { lost: undefined }
    // The relay had finished it, but the edge did not hear that.
    const isDone = journal.isFinished && journal.durable >= journal.last - 1
    if (opened.state === State.unknown && isDone) return { lost: undefined }
    if (opened.state === State.unknown) {
      return yield* putAside(journal, link, whyUnknown(opened, firstKept), options)
    }
    const { durable, received } = yield* believed(link, journal, opened, mostAtFirst(journal))
    // The relay asks for records that it had called durable, or the spool has lost them.
    if (received + 1 < firstKept) {
      const gone = `the relay needs records ${received + 1} to ${firstKept - 1}, which are not here`
      return yield* putAside(journal, link, gone, options)
    }
    onUp()
    // Not before: whatever follows the reply to one that is over says that this is known.
    if (tells) link.write([hears])
    journal.overtaken(received)
    // An edge on the way may still write what an earlier connection, or process, has brought to it.
    journal.given = Math.max(journal.given, journal.handed, received)
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
