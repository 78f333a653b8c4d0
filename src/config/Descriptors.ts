/** How a relay's descriptors are divided between trace files and connections. Pure. */
import { fdPoolSizeMin, type RelayConfig } from "./RelayConfig.ts"
import { defaults } from "./RelayDefaults.ts"

/** The soft limit on open files below which neither a relay nor an edge starts. */
export const processLimitMin = 100

/** What the process needs besides sockets and trace files: the runtime's own, listeners, log, health. */
const processReserve = 40

/** Descriptors for trace files that connections never take: sessions that record go on recording. */
const traceFileReserve = 32

/** A journal of an edge has its connection, and the two files of its history. */
const descriptorsPerJournal = 3

export const openFileCountMaxOf = ({ fdPoolSize }: Pick<RelayConfig, "fdPoolSize">): number =>
  fdPoolSize - processReserve

/** What connections and journals may have together. */
export const reservedCountMaxOf = ({ fdPoolSize }: Pick<RelayConfig, "fdPoolSize">): number =>
  fdPoolSize - processReserve - traceFileReserve

export const connectionCountMaxOf = ({
  connectionCountMax,
  fdPoolSize
}: Pick<RelayConfig, "connectionCountMax" | "fdPoolSize">): number =>
  Math.min(connectionCountMax, reservedCountMaxOf({ fdPoolSize }))

/** Said to who lets the relay have fewer descriptors than the connections it may have; undefined: they are enough. */
export const doubtOf = (config: Pick<RelayConfig, "connectionCountMax" | "fdPoolSize">): string | undefined => {
  const count = connectionCountMaxOf(config)
  const wanted = config.connectionCountMax
  return count < wanted
    ? `Descriptors (ulimit -n, --fd-pool-size) are enough for ${count} connections, not for ${wanted}`
    : undefined
}

/**
 * Of an edge that may have `descriptorCount`: each session, with two connections of its tracer, needs one to the relay
 * and a file of the spool, which may have `segmentCount` more. Without the one to the relay nothing would get away.
 */
export const edgePoolSizeOf = (descriptorCount: number, segmentCount: number): number => {
  const ofEdge = Math.max(0, descriptorCount - processReserve - traceFileReserve)
  const ofSessions = Math.max(ofEdge - segmentCount, ofEdge / 2)
  return Math.max(fdPoolSizeMin, processReserve + traceFileReserve + Math.floor(ofSessions / 2))
}

/** Journals of edges, so that what they hold leaves trace files theirs. */
export const journalCountMaxOf = ({
  fdPoolSize,
  journalCountMax = defaults.journalCountMax
}: Pick<RelayConfig, "fdPoolSize" | "journalCountMax">): number =>
  Math.max(1, Math.min(journalCountMax, Math.floor(reservedCountMaxOf({ fdPoolSize }) / descriptorsPerJournal)))
