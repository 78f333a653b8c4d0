/** What the commands for operators share: where a relay's HTTP port is, the token for it, words for failures. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { ByteSize, Effect, Option } from "effect"
import { Argument, Flag } from "effect/cli"
import { HttpClient, HttpClientError, HttpClientRequest, HttpIncomingMessage } from "effect/http"
import * as AdminClient from "../../admin/AdminClient.ts"
import { portDefault } from "../../config/HttpPort.ts"
import * as TextFile from "../../config/TextFile.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { failureOf, trusting } from "../../transport/tls/DialTls.ts"
import { type ClientIdentity, protocolOf } from "../../transport/tls/Tls.ts"
import { Failed } from "../Failed.ts"
import type * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Paths from "../Paths.ts"
import * as Terms from "../Terms.ts"
import * as TlsFlags from "../TlsFlags.ts"

/** Flags by which the relay knows us. */
export const access = {
  ...TlsFlags.flags,
  tokenFile: Paths.fileFlag("token-file").pipe(
    Flag.optional,
    Flag.withDescription("File with the bearer token, as of --http-token-file: for actions, and beyond loopback")
  )
}

export const flags = {
  url: Argument.String("url").pipe(
    Argument.withDescription("The relay's --http-port: http:// or https://HOST[:PORT] (5345), tcp://… or unix:///PATH")
  ),
  ...access
}

type Input = Flags.Given<typeof flags>

interface Place {
  readonly url: string
  readonly socketPath?: string
  /** The name that is dialled, if TLS is spoken. */
  readonly securedHost?: string
}

const place = (url: string): Place | undefined => {
  const socketPath = /^unix:\/\/(\/.+)$/.exec(url)?.[1]
  if (socketPath !== undefined) return { url: "http://localhost", socketPath }
  const [, scheme, host, port] = /^(https?|tcp[46]?):\/\/([^/:]+|\[[^\]]+\])(?::(\d+))?\/?$/.exec(url) ?? []
  if (host === undefined) return undefined
  const isSecured = scheme === "https"
  return {
    url: `${isSecured ? "https" : "http"}://${host}:${port ?? portDefault}`,
    ...(isSecured ? { securedHost: host.replace(/^\[|\]$/g, "") } : {})
  }
}

const layerOf = ({ securedHost, socketPath }: Place, identity: ClientIdentity = {}) => {
  const agent =
    securedHost === undefined
      ? socketPath && { socketPath }
      : { ...trusting(identity, securedHost), ALPNProtocols: [protocolOf("http")] }
  // The agent hands its options to the socket, whose types here know neither unix sockets nor all of TLS.
  return NodeHttpClient.layerNodeHttpOptions(agent as object | undefined)
}

const withoutToken = "the relay refuses: it needs the token of its --http-token-file (--token-file PATH)"

/** The file is named behind it. */
const otherToken = "the relay refuses: its --http-token-file has another token than"

const isTagged = (error: unknown): error is { readonly _tag: string; readonly id?: number } =>
  typeof error === "object" && error !== null && "_tag" in error

/** The innermost reason that the machine gave, as ECONNREFUSED. */
const machineReason = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, reason } = error as { readonly cause?: unknown; readonly reason?: unknown }
  const inner = machineReason(reason) ?? machineReason(cause)
  return (
    inner ??
    (error instanceof Error && "code" in error ? failureOf("", error as NodeJS.ErrnoException).reason : undefined)
  )
}

const withoutRight =
  "the relay refuses: it does not take our certificate, or no rule of its --access says admin of it; or give its token"

/** What went wrong, for somebody who did not write this. */
export const wordsOf = (error: unknown, { tlsCert, tokenFile, url }: Input): string => {
  if (!isTagged(error)) return SystemError.messageOf(error)
  switch (error._tag) {
    case "Unauthorized":
      if (Option.isSome(tokenFile)) return `${otherToken} ${tokenFile.value}`
      return Option.isSome(tlsCert) ? `${withoutRight} (--token-file PATH)` : withoutToken
    case "SessionUnknown":
      return `there is no session ${error.id}`
    case "ConnectionUnknown":
      return `there is no connection ${error.id}`
    case "HttpClientError":
      return `${url} does not answer as a relay does: ${machineReason(error) ?? (error as unknown as Error).message}`
    case "SchemaError":
      return `${url} answers something else: another version of lttng-relay?`
    default:
      return error instanceof Error && error.message !== "" ? error.message : error._tag
  }
}

export type Client = AdminClient.AdminClient

/** Reads a path beside the API, as text, whatever the status. */
export type Text = (path: string) => Effect.Effect<string, unknown>

const textOf =
  (client: HttpClient.HttpClient, url: string, token: string | undefined): Text =>
  (path) => {
    const request = HttpClientRequest.get(`${url}${path}`)
    const answer = client.execute(token === undefined ? request : HttpClientRequest.bearerToken(request, token))
    return Effect.flatMap(answer, ({ text }) => text)
  }

/** Of one answer: all of a relay with two hundred thousand sessions. */
const answerBytesMax = 128 * 1024 * 1024
const answerSeconds = 60

/** Whoever does not answer in time, or has no end of an answer, does not answer as a relay does. */
const bounded = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(client, (answer, request) =>
    answer.pipe(
      // Read here, it is there for whoever asks for it later.
      Effect.tap(({ arrayBuffer }) => arrayBuffer),
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(answerBytesMax)),
      Effect.timeoutOrElse({
        duration: `${answerSeconds} seconds`,
        orElse: () => {
          const reason = new HttpClientError.TransportError({ request, description: "no answer in time" })
          return Effect.fail(new HttpClientError.HttpClientError({ reason }))
        }
      })
    )
  )

/** Runs `use` with a client; whatever fails does so in one line. */
export const withClient = <A, E, R>(
  input: Input,
  use: (client: Client, text: Text) => Effect.Effect<A, E, R>
): Effect.Effect<A, Failed | Misused | Paths.PathRefused, Exclude<R, HttpClient.HttpClient>> =>
  Effect.gen(function* () {
    const { tokenFile, url, ...given } = input
    const at = place(url)
    if (at === undefined) {
      return yield* Effect.fail(new Misused(`${url} is not http://HOST[:PORT], https://…, tcp://… or unix:///PATH`))
    }
    const identity = yield* Terms.identityOf(given)
    if (identity !== undefined && at.securedHost === undefined) {
      return yield* Effect.fail(new Misused(`${url}: certificates are for https://`))
    }
    const token = yield* Paths.optional("token-file", tokenFile, TextFile.secretOf)
    const used = Effect.gen(function* () {
      const client = bounded(yield* HttpClient.HttpClient)
      const api = AdminClient.make({ url: at.url, token }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      return yield* use(yield* api, textOf(client, at.url, token))
    })
    return yield* Effect.mapError(
      Effect.provide(used, layerOf(at, identity)),
      (error) => new Failed({ message: wordsOf(error, input) })
    )
  })
