/** The relay's sessions, streams and counters as plain values: for embedding programs and for whoever shows them. */
import type { Registry } from "./Registry.ts"
import type { SessionActor } from "./session/SessionActor.ts"
import type { StreamActor } from "./stream/StreamActor.ts"

/** One stream, now. Counts are of what is in its files. */
export interface StreamStatus {
  readonly id: number
  /** Directory of the stream inside its trace chunk. */
  readonly path: string
  readonly channelName: string
  readonly isMetadata: boolean
  readonly isPublished: boolean
  readonly packetCount: number
  readonly byteCount: number
  /** Packets whose index is complete. */
  readonly indexCount: number
}

/** One session of a target, now. */
export interface SessionStatus {
  readonly id: number
  readonly name: string
  readonly hostname: string
  /** Protocol minor the target speaks. */
  readonly minor: number
  /** 0 = not live. */
  readonly liveTimerMicros: number
  readonly isSnapshot: boolean
  /** Relative to the output directory. */
  readonly outputPath: string
  readonly creationTimeSeconds: bigint
  readonly viewerCount: number
  /** How often a stream of a live session was found silent for several live timer periods. */
  readonly stallCount: number
  readonly streams: ReadonlyArray<StreamStatus>
}

/** The whole relay, now: counts, and bytes of memory. */
export interface Counters {
  readonly sessionCount: number
  readonly streamCount: number
  readonly viewerCount: number
  readonly traceChunkCount: number
  /** Of all sessions since the relay started. */
  readonly packetCount: number
  readonly byteCount: number
  /** Packet memory in use between sockets and files, of `memoryBytesMax`. */
  readonly memoryBytes: number
  readonly memoryBytesMax: number
  /** Descriptors held by trace files. */
  readonly openFileCount: number
}

const streamStatus = (stream: StreamActor): StreamStatus => ({
  id: stream.handle,
  path: stream.path,
  channelName: stream.channelName,
  isMetadata: stream.isMetadata,
  isPublished: stream.isPublished,
  packetCount: stream.packetCount,
  byteCount: stream.byteCount,
  indexCount: stream.model.indexCount
})

const sessionStatus = (session: SessionActor): SessionStatus => ({
  id: session.id,
  name: session.identity.sessionName,
  hostname: session.identity.hostname,
  minor: session.identity.minor,
  liveTimerMicros: session.identity.liveTimer,
  isSnapshot: session.identity.isSnapshot,
  outputPath: session.identity.outputPath,
  creationTimeSeconds: session.identity.creationTime,
  viewerCount: session.viewers.count,
  stallCount: session.viewers.stallCount,
  streams: [...session.streams.values()].map(streamStatus)
})

export const sessions = (registry: Registry["Service"]): ReadonlyArray<SessionStatus> =>
  [...registry.sessions.values()].map(sessionStatus)

export const counters = (registry: Registry["Service"]): Counters => {
  const { totals, pool } = registry
  let { packetCount, byteCount } = totals
  let viewerCount = 0
  for (const session of registry.sessions.values()) viewerCount += session.viewers.count
  for (const stream of registry.streams.values()) {
    packetCount += stream.packetCount
    byteCount += stream.byteCount
  }
  return {
    sessionCount: registry.sessions.size,
    streamCount: registry.streams.size,
    viewerCount,
    traceChunkCount: registry.chunks.count,
    packetCount,
    byteCount,
    memoryBytes: pool.usedBytes,
    memoryBytesMax: pool.bytesMax,
    openFileCount: registry.store.pool.openCount
  }
}
