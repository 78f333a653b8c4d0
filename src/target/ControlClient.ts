/**
 * The target's end of a control connection: commands as typed calls at one negotiated minor, refusals as errors.
 *
 * It knows no session and no stream: what to send when is `TargetSession.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as CloseTraceChunk from "../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../protocol/control/CreateSession.ts"
import * as SendMetadata from "../protocol/control/SendMetadata.ts"
import * as VersionCommand from "../protocol/control/Version.ts"
import * as Header from "../protocol/Header.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import type { Layout } from "../protocol/Struct.ts"
import * as Version from "../protocol/Version.ts"
import * as Dial from "../transport/Dial.ts"
import * as Exchange from "../transport/Exchange.ts"
import type { TlsFailed } from "../transport/tls/DialTls.ts"
import * as RequestInvalid from "./RequestInvalid.ts"

/** The relay understood the command and refused it. */
export class RelayRefused extends Schema.TaggedError<RelayRefused>()("RelayRefused", {
  command: Schema.String,
  returnCode: Schema.Int
}) {
  override get message(): string {
    return `the relay refused ${this.command}: ${ReturnCode.names.get(this.returnCode) ?? this.returnCode} (its log says why)`
  }
}

/** The caller asked something of a stream or a session that it has closed itself. */
export class AlreadyClosed extends Schema.TaggedError<AlreadyClosed>()("AlreadyClosed", { what: Schema.String }) {
  override get message(): string {
    return `${this.what} is closed`
  }
}

/** What failed of a command: the connection, the relay's answer, or what the caller asked. */
export type AskFailed = Exchange.ExchangeFailed | RelayRefused | RequestInvalid.RequestInvalid

/** As `AskFailed`, or the caller asked too late. */
export type CommandFailed = AskFailed | AlreadyClosed

/** A command with a reply; the modules of `protocol/control` are values of this type. */
export interface Command<Request, Reply> {
  readonly number: number
  readonly name: string
  readonly request: (minor: number) => {
    readonly encode: (request: Request) => Uint8Array
    readonly writable: Layout<unknown>["writable"]
  }
  readonly reply: (minor: number) => Pick<Layout<Reply>, "decode">
}

export interface ControlClient {
  readonly minor: number
  readonly ask: <Request, Reply>(
    command: Command<Request, Reply>,
    request: Request
  ) => Effect.Effect<Reply, Exchange.ExchangeFailed | RequestInvalid.RequestInvalid>
  /** As `ask`, with any return code but OK as an error. */
  readonly insist: <Request, Reply extends { readonly returnCode: number }>(
    command: Command<Request, Reply>,
    request: Request
  ) => Effect.Effect<Reply, AskFailed>
  /**
   * Done when the command is written; the request is not checked. The effect that is answered waits for the reply;
   * `arrived` is called when that comes.
   */
  readonly start: <Request, Reply>(
    command: Command<Request, Reply>,
    request: Request,
    arrived?: () => void
  ) => Effect.Effect<Effect.Effect<Reply, Exchange.ExchangeFailed>, Exchange.ExchangeFailed>
  /** The one command that has no reply. */
  readonly sendMetadata: (request: SendMetadata.Request) => Effect.Effect<void, Exchange.ExchangeFailed>
}

/** Output paths and chunk paths stay below this in every relay. */
const pathBytesMax = 4096

/** A reply with any return code but OK as an error. */
export const insisted = <Reply extends { readonly returnCode: number }>(
  command: string,
  reply: Reply
): Effect.Effect<Reply, RelayRefused> =>
  reply.returnCode === ReturnCode.OK
    ? Effect.succeed(reply)
    : Effect.fail(new RelayRefused({ command, returnCode: reply.returnCode }))

const noting = <A>({ decode }: Exchange.Reply<A>["layout"], arrived: () => void): Exchange.Reply<A>["layout"] => ({
  decode: (bytes) => {
    arrived()
    return decode(bytes)
  }
})

/** Bytes of replies that are always of one size, and are more than a return code. */
const fixedSizes: ReadonlyMap<string, number> = new Map([
  ["ADD_STREAM", 12],
  ["VERSION", 8],
  ["TRACE_CHUNK_EXISTS", 5],
  ["GET_CONFIGURATION", 12]
])
const genericBytes = 4

const readerOf = (name: string, minor: number): Exchange.Reply<unknown>["read"] => {
  if (name === CreateSession.name) {
    if (!Version.features(minor).dynamicLayouts) return Exchange.exactly(12)
    return Exchange.headThen(name, 16, pathBytesMax, (head) => head.getUint32(12))
  }
  if (name === CloseTraceChunk.name) return Exchange.headThen(name, 8, pathBytesMax, (head) => head.getUint32(4))
  return Exchange.exactly(fixedSizes.get(name) ?? genericBytes)
}

export const connect = (
  address: Dial.Address,
  minorMax: number
): Effect.Effect<
  ControlClient,
  Dial.DialFailed | TlsFailed | Exchange.ExchangeFailed | RequestInvalid.RequestInvalid,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const exchange = yield* Exchange.make(yield* Dial.dial(address, "control"))
    const requestOf = <Request, Reply>(command: Command<Request, Reply>, minor: number, request: Request) =>
      Header.message(command.number, command.request(minor).encode(request))
    const replyOf = <Request, Reply>(command: Command<Request, Reply>, minor: number) => ({
      command: command.name,
      read: readerOf(command.name, minor),
      layout: command.reply(minor)
    })
    const own = { major: Version.own.major, minor: minorMax }
    yield* RequestInvalid.check(VersionCommand.name, VersionCommand.request(0), own)
    const asking = exchange.ask(requestOf(VersionCommand, 0, own), replyOf(VersionCommand, 0))
    const theirs = yield* Effect.catchTag(asking, "LinkLost", Dial.unanswered(address))
    if (theirs.major !== own.major) {
      const reason = `major ${theirs.major}, which is no relay's: is ${Dial.nameOf(address)} its control port?`
      return yield* new Exchange.ReplyMalformed({ command: "VERSION", reason })
    }
    const minor = Math.min(own.minor, theirs.minor)
    const ask: ControlClient["ask"] = (command, request) =>
      Effect.andThen(
        RequestInvalid.check(command.name, command.request(minor), request),
        Effect.suspend(() => exchange.ask(requestOf(command, minor, request), replyOf(command, minor)))
      )
    return {
      minor,
      ask,
      insist: (command, request) => Effect.flatMap(ask(command, request), (reply) => insisted(command.name, reply)),
      start: (command, request, arrived) => {
        const reply = replyOf(command, minor)
        const noted = arrived === undefined ? reply : { ...reply, layout: noting(reply.layout, arrived) }
        return exchange.start(requestOf(command, minor, request), noted)
      },
      sendMetadata: (request) =>
        exchange.post(Header.message(SendMetadata.number, SendMetadata.request(minor).encode(request)))
    }
  })
