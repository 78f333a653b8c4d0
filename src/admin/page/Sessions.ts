/** A table of all sessions by host: what arrives, what tracers lost, silence, how far viewers are behind. */
import { html } from "htm/preact"
import { useMemo, useState } from "preact/hooks"
import * as Clock from "./Clock.ts"
import type { Rates } from "./Rates.ts"
import { Rows } from "./Rows.ts"
import type { PassedSession, SessionSummary } from "./Server.ts"
import { Spark } from "./Spark.ts"
import * as Values from "./Values.ts"

/** Seconds of lag that an operator should see, and should act on. */
const lagWarning = 2
const lagAlarm = 10

export const lagClass = (seconds: number): string => (seconds >= lagAlarm ? "bad" : seconds >= lagWarning ? "warn" : "")

const lagText = ({ lagMillis, lagRecordCount }: Pick<PassedSession, "lagMillis" | "lagRecordCount">): string =>
  lagRecordCount > 0 || lagMillis > 0 ? `${Values.duration(lagMillis / 1000)} behind` : "up to date"

export const edgeText = ({ name, spool, suspendedAtMillis }: NonNullable<SessionSummary["edge"]>): string => {
  const gone = suspendedAtMillis === undefined ? 0 : Math.max(0, Clock.nowMillis() - suspendedAtMillis) / 1000
  const state = suspendedAtMillis === undefined ? "connected" : `gone for ${Values.duration(gone)}`
  if (spool === undefined) return `${name}, ${state}`
  return `${name}, ${state}, ${lagText(spool)}, ${Values.bytes(spool.byteCount)} in its spool`
}

const EdgeTag = ({ edge }: { readonly edge: NonNullable<SessionSummary["edge"]> }) =>
  edge.suspendedAtMillis === undefined
    ? html`<i class="tag" title=${edgeText(edge)}>edge</i>`
    : html`<i class="tag warn" title=${edgeText(edge)}>suspended</i>`

const byHost = (a: SessionSummary, b: SessionSummary): number =>
  a.hostname < b.hostname ? -1 : a.hostname > b.hostname ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id

const Row = ({
  session,
  rates,
  isNewHost
}: {
  readonly session: SessionSummary
  readonly rates: Rates
  readonly isNewHost: boolean
}) => {
  const now = rates.of(session.id)
  const lost = session.eventsDiscarded + session.packetsLost
  const lostTitle = `${session.eventsDiscarded} events discarded, ${session.packetsLost} packets lost by the tracer`
  return html`<a class="row session" role="row" href=${`#/sessions/${session.id}`}>
    <span role="cell" class=${`host ${isNewHost ? "" : "again"}`} title=${session.hostname}><bdi>${session.hostname || "?"}</bdi></span>
    <span role="cell" class="name" title=${session.name}>
      <bdi>${session.name || "?"}</bdi>${session.liveTimerMicros > 0 && html`<i class="tag">live</i>`}${
        session.isSnapshot && html`<i class="tag">snapshot</i>`
      }${session.edge !== undefined && html`<${EdgeTag} edge=${session.edge} />`}
    </span>
    <span role="cell" class="sparkline"><${Spark} values=${now.spark} /></span>
    <span role="cell" class="n">${Values.byteRate(now.bytes)}</span>
    <span role="cell" class="n wide">${Values.rate(now.packets)}</span>
    <span role="cell" class=${`n ${lost > 0 ? (now.eventsDiscarded > 0 ? "bad" : "warn") : "none"}`} title=${lostTitle}>
      ${lost > 0 ? Values.count(lost) : "0"}
    </span>
    <span role="cell" class="n wide">${Values.duration(session.silenceMillis / 1000)}</span>
    <span role="cell" class=${`n ${session.viewerCount === 0 ? "none" : lagClass(session.lagSeconds)}`}>
      ${session.viewerCount === 0 ? "–" : Values.duration(session.lagSeconds)}
    </span>
    <span role="cell" class="n wide">${session.viewerCount}</span>
    <span role="cell" class="n wide">${session.streamCount}</span>
  </a>`
}

const passedText = (session: PassedSession): string => {
  const { byteCount, edge, waitsFor } = session
  const by = `by edge ${edge.name}${edge.isConnected ? "" : ", which is gone"}`
  const waits = waitsFor === undefined ? "" : `, waits ${waitsFor}`
  return `${by}: ${lagText(session)}, ${Values.bytes(byteCount)} in the spool${waits}`
}

const PassedRow = ({ session }: { readonly session: PassedSession }) =>
  html`<p><bdi>${session.hostname || "?"}</bdi> <bdi>${session.name || "?"}</bdi>, ${passedText(session)}</p>`

export const Sessions = ({
  sessions,
  passing,
  rates
}: {
  readonly sessions: ReadonlyArray<SessionSummary>
  readonly passing: ReadonlyArray<PassedSession>
  readonly rates: Rates
}) => {
  const [filter, setFilter] = useState("")
  const shown = useMemo(() => {
    const wanted = filter.trim().toLowerCase()
    const matching = sessions.filter(({ hostname, name }) => `${hostname}/${name}`.toLowerCase().includes(wanted))
    return matching
      .toSorted(byHost)
      .map((session, at, all) => ({ session, isNewHost: all[at - 1]?.hostname !== session.hostname }))
  }, [sessions, filter])
  const isFiltered = shown.length < sessions.length
  const row = (item: (typeof shown)[number]) => html`<${Row} key=${item.session.id} ...${item} rates=${rates} />`
  return html`<section>
    <div class="tools">
      <h1>Sessions <small>${isFiltered ? `${shown.length} of ${sessions.length}` : sessions.length}</small></h1>
      <input
        type="search"
        aria-label="Filter by host or session"
        placeholder="Filter by host or session"
        value=${filter}
        onInput=${(event: Event) => setFilter((event.target as HTMLInputElement).value)}
      />
    </div>
    <div class="table" role="table">
      <div class="row session head" role="row">
        <span role="columnheader" class="host">Host</span><span role="columnheader">Session</span>
        <span role="columnheader" class="sparkline"></span>
        <span role="columnheader" class="n">Data</span><span role="columnheader" class="n wide">Packets</span>
        <span role="columnheader" class="n">Lost</span><span role="columnheader" class="n wide">Silent</span>
        <span role="columnheader" class="n">Lag</span><span role="columnheader" class="n wide">Viewers</span>
        <span role="columnheader" class="n wide">Streams</span>
      </div>
      <${Rows} items=${shown} label="sessions" row=${row} />
    </div>
    ${sessions.length === 0 && html`<p class="empty">No session streams to this relay now.</p>`}
    ${passing.length > 0 && html`<h2>On their way through this edge <small>${passing.length}</small></h2>`}
    ${passing.map((session) => html`<${PassedRow} session=${session} />`)}
  </section>`
}
