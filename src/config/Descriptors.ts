/** How a relay's descriptors are divided between trace files and connections. Pure. */
import type { RelayConfig } from "./RelayConfig.ts"

/** What the process needs besides sockets and trace files: the runtime's own, listeners, log, health. */
const processReserve = 40

/** Descriptors for trace files that connections never take: sessions that record go on recording. */
const traceFileReserve = 32

export const openFileCountMaxOf = ({ fdPoolSize }: Pick<RelayConfig, "fdPoolSize">): number =>
  fdPoolSize - processReserve

export const connectionCountMaxOf = ({
  connectionCountMax,
  fdPoolSize
}: Pick<RelayConfig, "connectionCountMax" | "fdPoolSize">): number =>
  Math.min(connectionCountMax, fdPoolSize - processReserve - traceFileReserve)
