/** Bounds on what the clients of the operator's port can make the relay do or hold, all together and each. */
import * as Crowd from "./Crowd.ts"

/** Connections that came by the relay's doors, which are on its own loop. */
export const doorConnectionCountMax = 64
/** Connections of the thread: to hold that many hostile ones costs less than to have them come again and again. */
const threadConnectionCountMax = 256
/** The port may have one of so many descriptors: they are for traces first. */
const descriptorShare = 16

/** Most connections of a port with a thread of its own. */
export const connectionCountMaxOf = (descriptorLimit: number): number =>
  Math.max(8, Math.min(threadConnectionCountMax, Math.floor(descriptorLimit / descriptorShare)))

/** Requests of one connection that may wait: an honest client asks for only a few things before it has an answer. */
const waitingCountMax = 8
/** Requests that all clients together get answered: ten pages ask as much. */
const requestsPerSecond = 20
/** Requests at once after a quiet time: a page and a report of a fault ask a dozen things at once. */
const burstCount = 100
const headerMillisMax = 5_000
const requestMillisMax = 30_000
const headerBytesMax = 8 * 1024
const headerCountMax = 64
/** The largest body of a request consists of some numbers. */
export const bodyBytesMax = 64 * 1024
/** A client that takes nothing of its answer for this long is cut off. Answers without an end have a heartbeat. */
const silenceMillisMax = 30_000

/** A server that does not listen yet. */
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
