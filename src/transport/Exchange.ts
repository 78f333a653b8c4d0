/**
 * Requests and their replies over one connection: replies carry no header, so each is read in the shape its request
 * expects, in the order of the requests. Requests may be pipelined up to a bound; then the next one waits.
 *
 * After a lost connection, a reply that cannot be read, or none in time, nothing that follows can be told apart: every
 * request, waiting or new, fails with the same reason.
 */
import { Cause, Deferred, Effect, Queue, Result, Schema, type Scope, Semaphore } from "effect"
import { type Layout, viewOf } from "../protocol/Struct.ts"
import { type Link, LinkLost } from "./Dial.ts"

/** The other side answered something that the protocol does not allow. */
export class ReplyMalformed extends Schema.TaggedError<ReplyMalformed>()("ReplyMalformed", {
  command: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `reply to ${this.command}: ${this.reason}`
  }
}

/** A conversation that cannot go on: the connection is lost, or what came is no reply. */
export type ExchangeFailed = LinkLost | ReplyMalformed

/** How to read a reply: its bytes from the connection, then its value from the bytes. */
export interface Reply<A> {
  readonly command: string
  readonly read: (link: Link) => Effect.Effect<Uint8Array, ExchangeFailed>
  readonly layout: Pick<Layout<A>, "decode">
}

export interface Exchange {
  /** Writes the request; the effect that it answers waits for the reply. */
  readonly start: <A>(
    request: ReadonlyArray<Uint8Array>,
    reply: Reply<A>
  ) => Effect.Effect<Effect.Effect<A, ExchangeFailed>, ExchangeFailed>
  readonly ask: <A>(request: ReadonlyArray<Uint8Array>, reply: Reply<A>) => Effect.Effect<A, ExchangeFailed>
  /** Writes a request that has no reply. */
  readonly post: (request: ReadonlyArray<Uint8Array>) => Effect.Effect<void, ExchangeFailed>
}

interface Waiting {
  readonly reply: Reply<unknown>
  readonly done: Deferred.Deferred<unknown, ExchangeFailed>
}

/** Enough to hide a round trip behind work; a relay reads pipelined requests without a limit of its own. */
const pipelinedMax = 256

/** A relay on a stalled disk may be slow; one that does not reply for this long is taken for dead. */
const replyTimeoutSeconds = 60

export const exactly =
  (count: number) =>
  (link: Link): Effect.Effect<Uint8Array, LinkLost> =>
    link.read(count)

/** Reads `headBytes`, then as many bytes as `tailBytes` finds announced in them, at most `tailBytesMax`. */
export const headThen =
  (command: string, headBytes: number, tailBytesMax: number, tailBytes: (head: DataView) => number) =>
  (link: Link): Effect.Effect<Uint8Array, ExchangeFailed> =>
    Effect.gen(function* () {
      const head = yield* link.read(headBytes)
      const count = tailBytes(viewOf(head))
      if (count === 0) return head
      if (count > tailBytesMax) return yield* new ReplyMalformed({ command, reason: `announces ${count} bytes` })
      return Buffer.concat([head, yield* link.read(count)])
    })

const withinTime = <A>(link: Link, { command, read }: Reply<A>) =>
  read(link).pipe(
    Effect.timeoutOption(`${replyTimeoutSeconds} seconds`),
    Effect.flatMap((bytes) =>
      bytes._tag === "Some"
        ? Effect.succeed(bytes.value)
        : Effect.fail(new LinkLost({ address: link.name, reason: `${command}: no answer in time` }))
    )
  )

export const make = (link: Link): Effect.Effect<Exchange, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Never full: every entry holds a permit.
    const waiting = yield* Queue.bounded<Waiting>(pipelinedMax)
    const permits = yield* Semaphore.make(pipelinedMax)
    /** With the one that was just taken from `waiting`. */
    const unanswered = new Set<Waiting>()
    let failure: Cause.Cause<ExchangeFailed> | undefined

    const closed = Cause.fail(new LinkLost({ address: link.name, reason: "closed by us" }))
    const refused = Effect.suspend(() => Effect.failCause(failure ?? closed))
    const fail = (cause: Cause.Cause<ExchangeFailed>) =>
      Effect.gen(function* () {
        failure ??= cause
        for (const { done } of unanswered) Deferred.doneUnsafe(done, refused)
        yield* Semaphore.release(permits, unanswered.size)
        unanswered.clear()
      })
    const answers = Effect.gen(function* () {
      while (true) {
        const asked = yield* Queue.take(waiting)
        const { done, reply } = asked
        const bytes = yield* withinTime(link, reply)
        const value = reply.layout.decode(bytes)
        if (Result.isFailure(value)) {
          return yield* new ReplyMalformed({ command: reply.command, reason: value.failure.message })
        }
        Deferred.doneUnsafe(done, Effect.succeed(value.success))
        unanswered.delete(asked)
        yield* Semaphore.release(permits, 1)
      }
    })
    // The fiber may be interrupted before it has begun.
    yield* Effect.addFinalizer(() => fail(closed))
    // A defect fails all waiting requests, too: functions of callers (`read`, `decode`) run here.
    yield* Effect.forkScoped(Effect.catchCause(answers, fail))
    const start: Exchange["start"] = <A>(request: ReadonlyArray<Uint8Array>, reply: Reply<A>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(Semaphore.take(permits, 1)), () => {
          // Whoever waits for a permit, now or later, is refused in turn.
          if (failure !== undefined) return Effect.andThen(Semaphore.release(permits, 1), refused)
          // In one turn, so that replies are awaited in the order in which the requests were written.
          const done = Deferred.makeUnsafe<unknown, ExchangeFailed>()
          const asked = { reply: reply as Reply<unknown>, done }
          unanswered.add(asked)
          Queue.offerUnsafe(waiting, asked)
          link.write(request)
          const awaited = Deferred.await(done) as Effect.Effect<A, ExchangeFailed>
          return Effect.as(restore(link.drained), awaited)
        })
      )
    return {
      start,
      ask: (request, reply) => Effect.flatten(start(request, reply)),
      post: (request) =>
        Effect.suspend(() => {
          if (failure !== undefined) return refused
          link.write(request)
          return link.drained
        })
    }
  })
