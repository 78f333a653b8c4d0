/** What `lttng-relay top` shows: rates between two looks at a relay, and lines that fit a terminal. Pure. */
import type { Overview, SessionSummary } from "../../admin/AdminApi.ts"
import * as Elapsed from "../../admin/Elapsed.ts"
import * as Harmless from "../../errors/Harmless.ts"
import { wallMillis } from "../../Machine.ts"
import * as Output from "../Output.ts"

/** One session. Rates are per second since the look before; 0 if the session was not there yet. */
export interface Row {
  readonly id: number
  readonly hostname: string
  readonly name: string
  readonly streamCount: number
  readonly bytesPerSecond: number
  readonly packetsPerSecond: number
  readonly eventsDiscardedPerSecond: number
  readonly eventsDiscarded: number
  readonly packetsLost: number
  readonly viewerCount: number
  readonly lagSeconds: number
  readonly silenceSeconds: number
}

/** The relay as a whole, and its sessions, the busiest first. */
export interface Figures {
  readonly sessionCount: number
  readonly streamCount: number
  readonly viewerCount: number
  readonly bytesPerSecond: number
  readonly packetsPerSecond: number
  readonly eventsDiscardedPerSecond: number
  readonly isDraining: boolean
  readonly connections: Readonly<Record<string, number>>
  readonly memoryBytes: number
  readonly memoryBytesMax: number
  readonly sessions: ReadonlyArray<Row>
}

type Counted = "byteCount" | "packetCount" | "eventsDiscarded"

export const figures = (before: Overview, after: Overview): Figures => {
  const seconds = Elapsed.secondsBetween(before, after)
  const known = new Map(before.sessions.map((session) => [session.id, session]))
  // Of the first look, and of one at a relay that began anew, no rate is known.
  const rate = (now: number, then = now) => (seconds > 0 ? Math.max(0, now - then) / seconds : 0)
  const row = (session: SessionSummary): Row => {
    const then = known.get(session.id)
    const of = (key: Counted) => rate(session[key], then?.[key])
    return {
      id: session.id,
      hostname: session.hostname,
      name: session.name,
      streamCount: session.streamCount,
      bytesPerSecond: of("byteCount"),
      packetsPerSecond: of("packetCount"),
      eventsDiscardedPerSecond: of("eventsDiscarded"),
      eventsDiscarded: session.eventsDiscarded,
      packetsLost: session.packetsLost,
      viewerCount: session.viewerCount,
      lagSeconds: session.lagSeconds,
      silenceSeconds: session.silenceMillis / 1000
    }
  }
  const total = (key: Counted) => rate(after.counters[key], before.counters[key])
  const { memoryBytes, memoryBytesMax, sessionCount, viewerCount } = after.counters
  // Streams of metadata do not count, as in the rows.
  const streamCount = after.sessions.reduce((sum, session) => sum + session.streamCount, 0)
  return {
    ...{ sessionCount, streamCount, viewerCount, memoryBytes, memoryBytesMax },
    isDraining: after.drain.isDraining,
    connections: after.connections,
    bytesPerSecond: total("byteCount"),
    packetsPerSecond: total("packetCount"),
    eventsDiscardedPerSecond: total("eventsDiscarded"),
    sessions: after.sessions.map(row).toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond || a.id - b.id)
  }
}

/** Three or four digits, whatever the size, and the unit's prefix. */
const scaled = (value: number): readonly [digits: string, prefix: string] => {
  if (value >= 1e9) return [(value / 1e9).toPrecision(3), "G"]
  if (value >= 1e6) return [(value / 1e6).toPrecision(3), "M"]
  if (value >= 1e4) return [(value / 1e3).toPrecision(3), "k"]
  return [value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1), ""]
}

const short = (value: number): string => scaled(value).join("")

const seconds = (value: number): string => (value < 0.05 ? "" : `${short(value)}s`)
const unlessZero = (value: number): string => (value === 0 ? "" : short(value))

interface Column {
  readonly head: string
  readonly width: number
  readonly text: (row: Row) => string
}

const columns: ReadonlyArray<Column> = [
  { head: "ID", width: 5, text: ({ id }) => String(id) },
  { head: "BYTES/S", width: 8, text: ({ bytesPerSecond }) => unlessZero(bytesPerSecond) },
  { head: "PKT/S", width: 7, text: ({ packetsPerSecond }) => unlessZero(packetsPerSecond) },
  { head: "LOST/S", width: 7, text: ({ eventsDiscardedPerSecond }) => unlessZero(eventsDiscardedPerSecond) },
  { head: "LOST", width: 7, text: ({ eventsDiscarded }) => unlessZero(eventsDiscarded) },
  { head: "LOSTPKT", width: 8, text: ({ packetsLost }) => unlessZero(packetsLost) },
  { head: "STREAMS", width: 8, text: ({ streamCount }) => String(streamCount) },
  { head: "VIEWERS", width: 8, text: ({ viewerCount }) => unlessZero(viewerCount) },
  { head: "LAG", width: 6, text: ({ lagSeconds }) => seconds(lagSeconds) },
  { head: "SILENT", width: 7, text: ({ silenceSeconds }) => seconds(silenceSeconds) }
]

/** Columns for the names of host and session, so that one can tell sessions apart. */
const nameColumnsMin = 24

/** Columns in the order in which they are left out, if there is no room for all beside the names. */
const dispensable = ["VIEWERS", "STREAMS", "PKT/S", "LOSTPKT", "LAG", "SILENT", "LOST", "LOST/S", "ID", "BYTES/S"]

const columnsWithin = (width: number): ReadonlyArray<Column> => {
  const room = width - nameColumnsMin - 2
  let left = columns
  for (const head of dispensable) {
    if (left.reduce((sum, column) => sum + column.width, 0) <= room) break
    left = left.filter((column) => column.head !== head)
  }
  return left
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Text that acts on no terminal, and is as wide as before. */
const harmless = (text: string): string => Harmless.harmless(text, () => "?")

const fitted = (line: string, width: number): string => [...line].slice(0, width).join("")

export const lines = (shown: Figures, url: string, size: Size): ReadonlyArray<string> => {
  const { connections, memoryBytes, memoryBytesMax } = shown
  const columns = columnsWithin(size.columns)
  const byPort = Object.entries(connections).map(([port, count]) => `${count} ${port}`)
  const head = [
    `${url}  ${new Date(wallMillis()).toTimeString().slice(0, 8)}`,
    `${Output.plural(shown.sessionCount, "session")}, ${Output.plural(shown.streamCount, "stream")}, ` +
      `${Output.plural(shown.viewerCount, "viewer")}; connections: ${byPort.join(", ")}` +
      (shown.isDraining ? "; DRAINING: no new sessions" : ""),
    `${scaled(shown.bytesPerSecond).join(" ")}B/s, ${short(shown.packetsPerSecond)} packets/s, ` +
      `${short(shown.eventsDiscardedPerSecond)} events/s lost by tracers; ` +
      `memory ${Output.bytes(memoryBytes)} of ${Output.bytes(memoryBytesMax)}`,
    "",
    `${columns.map(({ head, width }) => head.padStart(width)).join("")}  HOST/SESSION`
  ]
  const room = Math.max(0, size.rows - head.length - 1)
  const rows = shown.sessions
    .slice(0, room)
    .map(
      (row) => `${columns.map(({ text, width }) => text(row).padStart(width)).join("")}  ${row.hostname}/${row.name}`
    )
  const hidden = shown.sessions.length - rows.length
  const tail = hidden > 0 ? [`… ${hidden} more`] : []
  return [...head, ...rows, ...tail].map((line) => fitted(harmless(line), size.columns))
}
