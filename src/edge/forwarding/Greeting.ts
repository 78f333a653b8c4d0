/** The first words to a relay: which protocol it speaks, and whether it takes journals. */
import { Effect, Result, Schema } from "effect"
import * as GetConfiguration from "../../protocol/control/GetConfiguration.ts"
import * as Version from "../../protocol/control/Version.ts"
import * as Header from "../../protocol/Header.ts"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Layout } from "../../protocol/Struct.ts"
import { features, negotiate, own, speaks } from "../../protocol/Version.ts"
import { type Link, LinkLost } from "../../transport/Dial.ts"

/** Not a relay, or not one that an edge can forward to. By its own words, so trying again does not help at once. */
export class RelayUnfit extends Schema.TaggedError<RelayUnfit>()("RelayUnfit", {
  address: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.address}: ${this.reason}`
  }
}

/** The way from there leads back to this edge. */
export class EdgeCircle extends Schema.TaggedError<EdgeCircle>()("EdgeCircle", { address: Schema.String }) {
  override get message(): string {
    return `${this.address} leads back here: nothing is forwarded`
  }
}

/** A relay that says nothing for longer counts as dead. */
const answerTimeout = "20 seconds"

export const command = (number: number, payload: Uint8Array): Uint8Array =>
  Buffer.concat(Header.message(number, payload))

export const ask = <A>(
  link: Link,
  request: Uint8Array,
  replyBytes: number,
  layout: Pick<Layout<A>, "decode">
): Effect.Effect<A, LinkLost | RelayUnfit> =>
  Effect.gen(function* () {
    link.write([request])
    const reply = layout.decode(yield* answer(link, replyBytes))
    if (Result.isSuccess(reply)) return reply.success
    return yield* new RelayUnfit({ address: link.name, reason: reply.failure.message })
  })

const answer = (link: Link, byteCount: number): Effect.Effect<Uint8Array, LinkLost> =>
  Effect.timeoutOrElse(link.read(byteCount), {
    duration: answerTimeout,
    orElse: () => Effect.fail(new LinkLost({ address: link.name, reason: "no answer in time" }))
  })

/** Older relays have no indexes, and do not know sessions by name. */
const minorMin = 4

export interface Greeted {
  readonly minor: number
  /** It has trace chunks: it can rotate and clear. */
  readonly hasChunks: boolean
  /** It allows clearing: it deletes what was recorded. */
  readonly clears: boolean
  readonly takesJournals: boolean
  /** It takes packed records. */
  readonly unpacks: boolean
  /** It says, if it is asked, what of a journal has ended there alone. */
  readonly tells: boolean
  /** If it is an edge itself: the edges on the way, beginning with it. */
  readonly edges: ReadonlyArray<string>
}

/** Undefined: the relay does not know the extension. */
const configuration = (
  link: Link,
  minor: number,
  queryFlags: bigint
): Effect.Effect<bigint | undefined, LinkLost | RelayUnfit> => {
  const query = command(GetConfiguration.number, GetConfiguration.request(minor).encode({ queryFlags }))
  return Effect.map(ask(link, query, 12, GetConfiguration.reply(minor)), ({ configurationFlags, returnCode }) =>
    returnCode === ReturnCode.OK ? configurationFlags : undefined
  )
}

const edgesBehind = (link: Link): Effect.Effect<ReadonlyArray<string>, LinkLost | RelayUnfit> =>
  Effect.gen(function* () {
    const question = command(GetEdges.number, new Uint8Array(0))
    const { count, returnCode } = yield* ask(link, question, GetEdges.headBytes, GetEdges.replyHead)
    if (returnCode !== ReturnCode.OK || count > GetEdges.countMax) {
      const reason = `it answers GET_EDGES with ${returnCode}, and ${count} edges`
      return yield* new RelayUnfit({ address: link.name, reason })
    }
    return count === 0 ? [] : GetEdges.idsOf(yield* answer(link, GetEdges.idsBytes(count)))
  })

/** Asks for the minor version of its protocol; fails if it is no relay. */
export const minorOf = (link: Link): Effect.Effect<number, LinkLost | RelayUnfit> =>
  Effect.gen(function* () {
    const { major, minor } = yield* ask(
      link,
      command(Version.number, Version.request(0).encode(own)),
      8,
      Version.reply(0)
    )
    if (major === own.major) return minor
    return yield* new RelayUnfit({ address: link.name, reason: "what answers there is no relay" })
  })

export const greet = (link: Link): Effect.Effect<Greeted, LinkLost | RelayUnfit> =>
  Effect.gen(function* () {
    const said = yield* minorOf(link)
    const minor = negotiate(said)
    if (minor < minorMin) {
      const reason = `speaks ${own.major}.${said}, an edge needs ${own.major}.${minorMin} or later`
      return yield* new RelayUnfit({ address: link.name, reason })
    }
    const { chunks: hasChunks } = features(minor)
    const none = { minor, hasChunks, clears: false, takesJournals: false, unpacks: false, tells: false, edges: [] }
    if (!speaks(minor, GetConfiguration.since)) return none
    const flags = (yield* configuration(link, minor, OpenJournal.offered)) ?? (yield* configuration(link, minor, 0n))
    const isSaid = (flag: bigint) => flags !== undefined && (flags & flag) !== 0n
    return {
      minor,
      hasChunks,
      clears: isSaid(GetConfiguration.clearAllowed),
      takesJournals: isSaid(OpenJournal.offered),
      unpacks: isSaid(OpenJournal.unpacks),
      tells: isSaid(OpenJournal.tells),
      edges: isSaid(GetEdges.isEdge) ? yield* edgesBehind(link) : []
    }
  })
