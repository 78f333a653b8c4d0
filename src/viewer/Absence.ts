/** Which failures of a viewer may pass by themselves. */
import { DialFailed, LinkLost } from "../transport/Dial.ts"
import { TlsFailed } from "../transport/tls/DialTls.ts"
import { NotLivePort } from "./Greeting.ts"
import { SessionNotFound } from "./LiveViewer.ts"

/**
 * The relay may come, and the session on it. One that has only begun to start, that is stopped, or that is not there
 * behind a tunnel, answers later.
 */
export const isAbsent = (error: unknown): boolean =>
  error instanceof DialFailed || error instanceof SessionNotFound || (error instanceof NotLivePort && error.isSilent)

/**
 * How a relay that was there goes, and how a balancer or a tunnel says that it is gone. It may be that it does not take
 * us any more; where our certificate is over, nothing else is.
 */
export const isGone = (error: unknown): boolean =>
  error instanceof LinkLost ||
  (error instanceof NotLivePort && error.refused !== "expiry") ||
  (error instanceof TlsFailed && error.kind === "handshake")

/** Tells of a relay that greeted us, though we did not attach. */
export const isOfRelay = (error: unknown): boolean =>
  error instanceof SessionNotFound || (error instanceof LinkLost && error.refused === undefined)
