/** What the clients of the operator's port may make the relay do or hold, all of them together and each. */
import * as Crowd from "./Crowd.ts"

/** Of the relay's doors, on its own loop. */
export const doorConnectionCountMax = 64
/** Of the thread: as many hostile ones held cost less than as many that come again and again. */
const threadConnectionCountMax = 256
/** Descriptors are for traces first. */
const descriptorShare = 16

/** Of a port with a thread of its own. */
export const connectionCountMaxOf = (descriptorLimit: number): number =>
  Math.max(8, Math.min(threadConnectionCountMax, Math.floor(descriptorLimit / descriptorShare)))

/** An honest client that waits for an answer asks for only a few more things meanwhile. */
const waitingCountMax = 8
/** Ten pages ask as much. */
const requestsPerSecond = 20
/** A page and a report of a fault ask a dozen things at once. */
const burstCount = 100
const headerMillisMax = 5_000
const requestMillisMax = 30_000
const headerBytesMax = 8 * 1024
const headerCountMax = 64
/** The largest request is some numbers. */
export const bodyBytesMax = 64 * 1024
/** A client that takes nothing of its answer for so long is gone. Answers without an end have a heartbeat. */
const silenceMillisMax = 30_000

/** Nothing enters it yet. */
export const server = (connectionCountMax: number): Crowd.CrowdServer => {
  const made = new Crowd.CrowdServer(
    {
      headersTimeout: headerMillisMax,
      requestTimeout: requestMillisMax,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: headerBytesMax,
      keepAliveTimeout: headerMillisMax
    },
    { connectionCountMax, waitingCountMax, requestsPerSecond, burstCount }
  )
  made.timeout = silenceMillisMax
  made.maxHeadersCount = headerCountMax
  return made
}
