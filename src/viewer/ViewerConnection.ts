/**
 * The viewer's end of a live connection: requests as typed calls at the negotiated minor.
 *
 * Statuses are passed on as they are: what they mean for a stream is decided by who asked. Announced sizes are bounded
 * before anything is allocated.
 */
import { Clock, Effect, type Scope } from "effect"
import * as AttachSession from "../protocol/live/AttachSession.ts"
import * as Connect from "../protocol/live/Connect.ts"
import * as CreateSession from "../protocol/live/CreateSession.ts"
import * as DetachSession from "../protocol/live/DetachSession.ts"
import * as GetMetadata from "../protocol/live/GetMetadata.ts"
import * as GetNewStreams from "../protocol/live/GetNewStreams.ts"
import * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import * as GetPacket from "../protocol/live/GetPacket.ts"
import * as ListSessions from "../protocol/live/ListSessions.ts"
import * as RequestHeader from "../protocol/live/RequestHeader.ts"
import type { StreamsReply } from "../protocol/live/StreamEntry.ts"
import * as StreamEntry from "../protocol/live/StreamEntry.ts"
import { type Layout, u64Max } from "../protocol/Struct.ts"
import { features, own } from "../protocol/Version.ts"
import type { Address, DialFailed, Link } from "../transport/Dial.ts"
import * as Dial from "../transport/Dial.ts"
import * as Exchange from "../transport/Exchange.ts"
import { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
import type { TlsFailed } from "../transport/tls/DialTls.ts"
import type { NotLivePort } from "./Greeting.ts"
import * as Greeting from "./Greeting.ts"

export interface ViewerConnection {
  readonly minor: number
  /** Requests sent so far. */
  readonly requestCount: () => number
  readonly sessions: Effect.Effect<ReadonlyArray<ListSessions.Session>, ExchangeFailed>
  readonly createViewerSession: Effect.Effect<void, ExchangeFailed>
  readonly attach: (sessionId: bigint, seek: number, offset: bigint) => Effect.Effect<StreamsReply, ExchangeFailed>
  readonly detach: (sessionId: bigint) => Effect.Effect<void, ExchangeFailed>
  readonly newStreams: (sessionId: bigint) => Effect.Effect<StreamsReply, ExchangeFailed>
  /** One round over several streams, replies in their order. */
  readonly nextIndexes: (
    streamIds: ReadonlyArray<bigint>
  ) => Effect.Effect<ReadonlyArray<GetNextIndex.Reply>, ExchangeFailed>
  readonly packet: (streamId: bigint, offset: bigint, len: number) => Effect.Effect<GetPacket.Reply, ExchangeFailed>
  readonly metadata: (streamId: bigint) => Effect.Effect<GetMetadata.Reply, ExchangeFailed>
}

/** Twenty thousand streams or a hundred thousand sessions are beyond any real relay. */
const streamCountMax = 20_000
const sessionCountMax = 100_000
const nameBytesMax = 65_536
/** A hundred thousand sessions with names of some hundred bytes. */
const sessionBytesMax = 64 * 1024 * 1024
/** Of one trace: metadata of large kernels is some MiB. */
export const metadataBytesMax = 256 * 1024 * 1024

/**
 * What pipelined requests may cost: a relay that does not turn Nagle's algorithm off holds the second reply until the
 * first is acknowledged, and our system delays that. One by one is faster where a round trip is a fraction of it.
 */
const delayedReplyMillis = 40

interface Command<Request, Reply> {
  readonly number: number
  readonly name: string
  readonly request: (minor: number) => Layout<Request>
  readonly reply: (minor: number) => Layout<Reply>
}

type Read = Exchange.Reply<unknown>["read"]

const message = <Request, Reply>(command: Command<Request, Reply>, minor: number, request: Request) => {
  const payload = command.request(minor).encode(request)
  const head = { dataSize: BigInt(payload.length), command: command.number, commandVersion: 0 }
  return [RequestHeader.encode(head), payload]
}

const streamsOf = (command: string): Read =>
  Exchange.headThen(command, 8, streamCountMax * StreamEntry.size, (head) => head.getUint32(4) * StreamEntry.size)

/** Entries of 2.15 announce the length of their names one by one. */
const readSessions15 = (link: Link): Effect.Effect<Uint8Array, ExchangeFailed> =>
  Effect.gen(function* () {
    const parts = [yield* link.read(4)]
    const count = Buffer.from(parts[0] as Uint8Array).readUInt32BE()
    const refuse = (reason: string) => new ReplyMalformed({ command: ListSessions.name, reason })
    if (count > sessionCountMax) return yield* refuse(`announces ${count} sessions`)
    const { hostnameLength, sessionNameLength } = ListSessions.entry15.offsets
    let byteCount = 0
    for (let index = 0; index < count; index++) {
      const head = Buffer.from(yield* link.read(ListSessions.entry15.size))
      const names = head.readUInt32BE(hostnameLength) + head.readUInt32BE(sessionNameLength)
      if (names > 2 * nameBytesMax) return yield* refuse(`announces names of ${names} bytes`)
      byteCount += names
      if (byteCount > sessionBytesMax) return yield* refuse(`has names of more than ${sessionBytesMax} bytes`)
      parts.push(head)
      if (names > 0) parts.push(yield* link.read(names))
    }
    return Buffer.concat(parts)
  })

const readSessions4: Read = Exchange.headThen(
  ListSessions.name,
  4,
  sessionCountMax * ListSessions.entry4.size,
  (head) => head.getUint32(0) * ListSessions.entry4.size
)

/** Relays that cannot read what they announced send nothing more; so long a silence is taken for that. */
const metadataSilenceSeconds = 3

/** Only an OK has data; some relays announce a length with other statuses too. */
const readMetadata: Read = (link) =>
  Effect.gen(function* () {
    const head = Buffer.from(yield* link.read(GetMetadata.replyHeadSize))
    const { len, status } = GetMetadata.replyHead.offsets
    const count = Number(head.readBigUInt64BE(len))
    if (count === 0) return head
    if (count > metadataBytesMax) {
      return yield* new ReplyMalformed({ command: GetMetadata.name, reason: `announces ${count} bytes` })
    }
    // One request at a time is under way, so nothing but the metadata can come next.
    const isComing =
      head.readUInt32BE(status) === GetMetadata.Status.ok &&
      (yield* Effect.timeoutOption(link.readable, `${metadataSilenceSeconds} seconds`))._tag === "Some"
    if (isComing) return Buffer.concat([head, yield* link.read(count)])
    head.writeBigUInt64BE(0n, len)
    return head
  })

export const connect = (
  address: Address
): Effect.Effect<ViewerConnection, DialFailed | TlsFailed | ExchangeFailed | NotLivePort, Scope.Scope> =>
  Effect.flatMap(Dial.dial(address, "live"), (link) => over(link, (why) => Greeting.explain(address, why)))

/** Greets over `link`. `explain` is called if there is no greeting, to find out why. */
export const over = (
  link: Link,
  explain: (why: Greeting.NoGreeting) => Effect.Effect<never, NotLivePort>
): Effect.Effect<ViewerConnection, ExchangeFailed | NotLivePort, Scope.Scope> =>
  Effect.gen(function* () {
    const exchange = yield* Exchange.make(link)
    let requestCount = 0
    let minor: number = own.minor
    const start = <Request, Reply>(command: Command<Request, Reply>, read: Read, request: Request) =>
      Effect.suspend(() => {
        requestCount++
        const reply = { command: command.name, read, layout: command.reply(minor) }
        return exchange.start(message(command, minor, request), reply)
      })
    const asked = yield* Clock.monotonicTimeNanos
    const greeting = start(Connect, Exchange.exactly(Connect.requestSize), {
      viewerSessionId: u64Max,
      ...own,
      type: Connect.ConnectionType.command
    })
    const theirs = yield* Effect.flatten(greeting).pipe(
      Effect.timeoutOrElse({
        duration: Greeting.greetingMillis,
        orElse: () =>
          explain({ reason: "connected, but nothing answers: is this a relay's live port?", isSilent: true })
      }),
      Effect.catchTag("LinkLost", ({ isReset = false, reason, refused }) =>
        explain({
          reason: `not a relay's live port, or ${isReset ? "no relay behind it" : "it refuses us"}: ${reason}`,
          isSilent: isReset,
          ...(refused === undefined ? {} : { refused })
        })
      )
    )
    if (theirs.major !== own.major) {
      const reason = `major ${theirs.major}, which is no relay's: is ${link.name} its live port?`
      return yield* new ReplyMalformed({ command: Connect.name, reason })
    }
    const roundTripMillis = Number((yield* Clock.monotonicTimeNanos) - asked) / 1e6
    minor = Math.min(own.minor, theirs.minor)
    return callsOf(minor, roundTripMillis, () => requestCount, start)
  })

type Start = <Request, Reply>(
  command: Command<Request, Reply>,
  read: Read,
  request: Request
) => Effect.Effect<Effect.Effect<Reply, ExchangeFailed>, ExchangeFailed>

const callsOf = (
  minor: number,
  roundTripMillis: number,
  requestCount: () => number,
  start: Start
): ViewerConnection => {
  const abilities = features(minor)
  const status = Exchange.exactly(4)
  const ask = <Request, Reply>(command: Command<Request, Reply>, read: Read, request: Request) =>
    Effect.flatten(start(command, read, request))
  return {
    minor,
    requestCount,
    sessions: Effect.map(
      ask(ListSessions, abilities.liveListing15 ? readSessions15 : readSessions4, {}),
      ({ sessions }) => sessions
    ),
    createViewerSession: Effect.flatMap(ask(CreateSession, status, {}), (reply) =>
      reply.status === CreateSession.Status.ok
        ? Effect.void
        : Effect.fail(new ReplyMalformed({ command: CreateSession.name, reason: `status ${reply.status}` }))
    ),
    attach: (sessionId, seek, offset) => ask(AttachSession, streamsOf(AttachSession.name), { sessionId, offset, seek }),
    detach: (sessionId) =>
      abilities.liveDetach ? Effect.asVoid(ask(DetachSession, status, { sessionId })) : Effect.void,
    newStreams: (sessionId) => ask(GetNewStreams, streamsOf(GetNewStreams.name), { sessionId }),
    nextIndexes: (streamIds) => {
      const index = Exchange.exactly(GetNextIndex.replySize)
      const isPipelined = streamIds.length * roundTripMillis > delayedReplyMillis
      if (!isPipelined) return Effect.forEach(streamIds, (streamId) => ask(GetNextIndex, index, { streamId }))
      const started = Effect.forEach(streamIds, (streamId) => start(GetNextIndex, index, { streamId }))
      return Effect.flatMap(started, (replies) => Effect.all(replies))
    },
    packet: (streamId, offset, len) =>
      ask(
        GetPacket,
        Exchange.headThen(GetPacket.name, GetPacket.replyHeadSize, len, (head) =>
          head.getUint32(0) === GetPacket.Status.ok ? head.getUint32(4) : 0
        ),
        { streamId, offset, len }
      ),
    metadata: (streamId) => ask(GetMetadata, readMetadata, { streamId })
  }
}
