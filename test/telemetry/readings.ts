/** Readings of a relay that there is not. */
import type { SessionStatus } from "../../src/relay/Status.ts"
import type { EdgeFigures } from "../../src/telemetry/EdgeReading.ts"
import * as Exposition from "../../src/telemetry/Exposition.ts"
import { type Reading, steps } from "../../src/telemetry/Reading.ts"

/** What a scraper gets. */
export const textOf = (of: Parameters<typeof Exposition.slices>[0], form: Exposition.Form = "prometheus"): string =>
  Buffer.concat([...Exposition.slices(of, form)]).toString()

export const stream = (channelName: string, counts: Partial<SessionStatus["streams"][number]> = {}) => ({
  id: 1,
  path: "ust/uid/0/64-bit",
  channelName,
  isMetadata: channelName === "metadata",
  isPublished: true,
  packetCount: 0,
  byteCount: 0,
  indexCount: 0,
  eventsDiscarded: 0,
  packetsLost: 0,
  heardAtMillis: 1_000,
  ...counts
})

export const session = (name: string, more: Partial<SessionStatus>): SessionStatus => ({
  id: 1,
  name,
  hostname: "web1",
  minor: 11,
  liveTimerMicros: 0,
  isSnapshot: false,
  outputPath: "",
  creationTimeSeconds: 0,
  viewerCount: 0,
  stallCount: 0,
  isStalled: false,
  closedChannels: [],
  viewers: [],
  streams: [],
  ...more
})

export const noTime = { disk: 0, memory: 0, halves: 0, "unread answers": 0, files: 0, quota: 0 }

export const reading = (sessions: ReadonlyArray<SessionStatus>, more: Partial<Reading> = {}): Reading => ({
  nowMillis: 3_500,
  counters: {
    sessionCount: sessions.length,
    streamCount: 0,
    viewerCount: 0,
    traceChunkCount: 0,
    packetCount: 0,
    byteCount: 0,
    eventsDiscarded: 0,
    packetsLost: 0,
    memoryBytes: 0,
    memoryBytesMax: 1,
    halvesBytes: 0,
    halvesBytesMax: 1,
    openFileCount: 0,
    journals: { openCount: 3, suspendedCount: 2, waitingCount: 1, countMax: 4096 }
  },
  sessions,
  activity: {
    openedConnections: { control: 2, data: 1, live: 0 },
    openConnections: { control: 1, data: 1, live: 0 },
    heldBackConnections: noTime,
    connectionEnds: [{ port: "control", reason: "peer closed", count: 2 }],
    incidents: [{ code: "SESSION_TWICE", count: 1 }],
    heldBackMillis: { ...noTime, disk: 1_500 },
    controlCommands: [{ name: "SEND_INDEX", count: 4, refusedCount: 1 }],
    liveCommands: [],
    beaconCount: 0,
    answerMicros: { counts: [0, 0, 0, 2, 0, 1, ...Array<number>(27).fill(0)], sum: 36, count: 3 }
  },
  drain: { isDraining: false, sessionCount: 0 },
  devices: [],
  process: {
    version: "1",
    node: "v24",
    startSeconds: 1,
    cpuUserSeconds: 1,
    cpuSystemSeconds: 1,
    residentBytes: 1,
    heapBytes: 1,
    loopDelay: { median: 0, p99: 0, max: 0 },
    openDescriptors: 1,
    descriptorLimit: 1
  },
  seriesMax: 100,
  ...more
})

export const samples = (of: Reading) => {
  const work = steps(of)
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

export const samplesOf = (sessions: ReadonlyArray<SessionStatus>, more: Partial<Reading> = {}) =>
  samples(reading(sessions, more))

/** An edge with nothing in its spool. */
export const edgeFigures: EdgeFigures = {
  spoolBytes: 0,
  spoolBytesMax: 1,
  isFull: false,
  oldestMillis: 0,
  lagMillis: 0,
  heardByteCount: 0,
  sentByteCount: 0,
  resentByteCount: 0,
  savedByteCount: 0,
  connectedCount: 0,
  lossCount: 0,
  journals: [],
  lostPartCount: 0,
  losses: []
}
