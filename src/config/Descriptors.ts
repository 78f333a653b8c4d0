/** How the descriptors that a relay may use are shared out. Pure. */
import type { RelayConfig } from "./RelayConfig.ts"

/** What the process needs besides sockets and trace files: the runtime's own, listeners, log, health. */
const processReserve = 40

/** What connections leave to trace files, however many come: sessions that record go on recording. */
const traceFileReserve = 32

export const openFileCountMaxOf = ({ fdPoolSize }: Pick<RelayConfig, "fdPoolSize">): number =>
  fdPoolSize - processReserve

export const connectionCountMaxOf = ({
  connectionCountMax,
  fdPoolSize
}: Pick<RelayConfig, "connectionCountMax" | "fdPoolSize">): number =>
  Math.min(connectionCountMax, fdPoolSize - processReserve - traceFileReserve)
