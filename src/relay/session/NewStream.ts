/**
 * A stream that ADD_STREAM asks for (streaming.md §6.2, steps 2–10): with its first file, and not yet one of its
 * session's; or why there is none. The handle may be spent although the stream is refused.
 */
import { Effect, Result } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import type { Account } from "../../memory/Blocks.ts"
import * as Path from "../../model/Path.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { type Options, StreamActor } from "../stream/StreamActor.ts"
import type { StreamSession } from "../stream/StreamSession.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import type { Identity } from "./Identity.ts"
import type { StreamPlaces } from "./StreamPlaces.ts"
import type { Surroundings } from "./Surroundings.ts"

export interface StreamRequest {
  readonly channelName: string
  readonly pathname: string
  readonly tracefileSize: bigint
  readonly tracefileCount: bigint
  readonly connectionMinor: number
  readonly account: Account
}

/** The stream was refused; `handle` is the reply's. */
export interface Refused {
  readonly handle: bigint
  readonly refusal: Incident
}

export const noHandle = 0xffff_ffff_ffff_ffffn

export const refused = (
  { channelName, pathname }: StreamRequest,
  code: Code,
  handle = noHandle,
  why = ""
): Refused => ({
  handle,
  refusal: { code, detail: why || `${JSON.stringify(pathname)}/${JSON.stringify(channelName)}` }
})

/** The session that the stream is to be in. */
export interface Place {
  readonly session: StreamSession
  readonly identity: Identity
  readonly surroundings: Surroundings
  readonly places: StreamPlaces
  /** The session's open streams, by handle. */
  readonly streams: ReadonlyMap<number, StreamActor>
  /** The session's current trace chunk. */
  readonly chunk: () => TraceChunk | undefined
}

type StreamOptions = Omit<Options, keyof ReturnType<typeof settingsOf> | "path">

const settingsOf = ({ identity, session, surroundings }: Place) => {
  const { events, gather, options } = surroundings
  const { hasIndex, minor: sessionMinor } = identity
  return { session, gather, events, hasIndex, sessionMinor, sync: options.sync ?? ("none" as const) }
}

/** Sizes and counts beyond 2⁵³ are never reached, so the largest exact number stands for all of them. */
const clampToNumber = (value: bigint) =>
  value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)

export const make = (at: Place, request: StreamRequest): Effect.Effect<StreamActor, Refused> =>
  Effect.gen(function* () {
    const { account, channelName } = request
    const path = at.places.pathOf(request)
    if (path === undefined) return yield* Effect.fail(refused(request, "STREAM_PATH_UNSAFE"))
    if (!Path.isSafeChannelName(channelName)) return yield* Effect.fail(refused(request, "STREAM_NAME_UNSAFE"))
    const handle = at.surroundings.nextStreamHandle()
    const spent = (code: Code, why?: string) => Effect.fail(refused(request, code, BigInt(handle), why))
    const chunk = at.chunk()
    const tracefileSize = clampToNumber(request.tracefileSize)
    const tracefileCount = clampToNumber(request.tracefileCount)
    if (tracefileSize !== 0 && tracefileCount === 0) return yield* spent("STREAM_RING")
    if (chunk === undefined) return yield* spent("STREAM_CHUNKLESS")
    if (!Path.isSafeStreamPath(path)) return yield* spent("STREAM_PATH_UNSAFE")
    chunk.retain()
    const options = { handle, channelName, tracefileSize, tracefileCount, chunk, account }
    const opened = yield* Effect.result(open(at, path, options))
    if (Result.isSuccess(opened)) return opened.success
    chunk.release()
    return yield* spent("STREAM_FILE", opened.failure.message)
  })

/** Makes the stream with its first file, at `path` or, if that is taken, at a path with a suffix. */
const open = (at: Place, path: string, options: StreamOptions): Effect.Effect<StreamActor, FileFailed> =>
  Effect.gen(function* () {
    const place = yield* at.places.find(options.chunk.directory, path)
    const stream = new StreamActor({ ...settingsOf(at), path: place, ...options })
    const isSame = ({ path, channelName }: StreamActor) => path === place && channelName === stream.channelName
    return yield* Effect.as(stream.open(false), stream).pipe(
      Effect.catchIf(
        ({ code }) => code === "EEXIST",
        () => {
          // The stream was announced twice: as with the reference, both write one file.
          if ([...at.streams.values()].some(isSame)) return Effect.as(stream.open(true), stream)
          return Effect.andThen(at.places.pass(path), open(at, path, options))
        }
      )
    )
  })
