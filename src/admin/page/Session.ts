/** A view of one session: its last fifteen minutes, its viewers, its streams, its events. */
import { html } from "htm/preact"
import { useRef } from "preact/hooks"
import { Chart, type Line } from "./Chart.ts"
import { Events } from "./Events.ts"
import { usePolled } from "./Polling.ts"
import { isOne } from "./Rates.ts"
import { Rows } from "./Rows.ts"
import type { History, SessionStatus } from "./Server.ts"
import { edgeText, lagClass } from "./Sessions.ts"
import * as Values from "./Values.ts"

const lines: ReadonlyArray<Line & { readonly height: number }> = [
  { label: "Data", key: "bytes", color: "--data", format: Values.byteRate, height: 180 },
  { label: "Events discarded by the tracer", key: "eventsDiscarded", color: "--bad", format: Values.rate, height: 110 },
  { label: "Slowest viewer is behind by", key: "lagSeconds", color: "--warn", format: Values.duration, height: 110 }
]

type Stream = SessionStatus["streams"][number]
type Viewer = SessionStatus["viewers"][number]

const StreamRow = ({
  stream,
  now
}: {
  readonly stream: Stream
  readonly now: number
}) => html`<div class="row stream" role="row">
  <span role="cell" class="name" title=${`${stream.path}/${stream.channelName}`}>
    <bdi class="soft">${stream.path}/</bdi><bdi>${stream.channelName}</bdi>
  </span>
  <span role="cell" class="n">${Values.bytes(stream.byteCount)}</span>
  <span role="cell" class="n wide">${Values.count(stream.packetCount)}</span>
  <span role="cell" class=${`n ${stream.eventsDiscarded + stream.packetsLost > 0 ? "warn" : "none"}`}>
    ${Values.count(stream.eventsDiscarded + stream.packetsLost)}
  </span>
  <span role="cell" class="n">
    ${stream.isMetadata ? "" : Values.duration(Math.max(0, now - stream.heardAtMillis) / 1000)}
  </span>
</div>`

const ViewerRow = ({ viewer }: { readonly viewer: Viewer }) => html`<div class="row viewer" role="row">
  <span role="cell" class="name">${viewer.peer}</span>
  <span role="cell" class=${`n ${lagClass(viewer.lagNanos / 1e9)}`}>${Values.duration(viewer.lagNanos / 1e9)}</span>
  <span role="cell" class="n">${Values.count(viewer.lagPacketCount)}</span>
</div>`

const Found = ({
  session,
  atMillis,
  history
}: {
  readonly session: SessionStatus
  /** When it was so. */
  readonly atMillis: number
  readonly history: History | undefined
}) => html`
  <p class="facts">
    <span>Host <b><bdi>${session.hostname || "?"}</bdi></b></span>
    <span>Protocol <b>2.${session.minor}</b></span>
    <span>${session.liveTimerMicros > 0 ? html`Live timer <b>${Values.duration(session.liveTimerMicros / 1e6)}</b>` : "Not live"}</span>
    <span>Since <b>${new Date(session.creationTimeSeconds * 1000).toLocaleString()}</b></span>
    ${session.stallCount > 0 && html`<span class="warn">Stalls <b>${session.stallCount}</b></span>`}
    ${session.edge !== undefined && html`<span>Edge <b>${edgeText(session.edge)}</b></span>`}
    ${session.outputPath !== "" && html`<span>Below the output <b><bdi>${session.outputPath}</bdi></b></span>`}
  </p>
  ${history !== undefined && lines.map((line) => html`<${Chart} key=${line.key} history=${history} line=${line} height=${line.height} />`)}
  <h2>Viewers <small>${session.viewers.length}</small></h2>
  ${session.viewers.length === 0 && html`<p class="empty">Nobody watches.</p>`}
  ${
    session.viewers.length > 0 &&
    html`<div class="table" role="table">
      <div class="row viewer head" role="row">
        <span role="columnheader">Peer</span><span role="columnheader" class="n">Behind</span>
        <span role="columnheader" class="n">Packets</span>
      </div>
      ${session.viewers.map((viewer) => html`<${ViewerRow} key=${viewer.connectionId} viewer=${viewer} />`)}
    </div>`
  }
  <h2>Streams <small>${session.streams.length}</small></h2>
  <div class="table" role="table">
    <div class="row stream head" role="row">
      <span role="columnheader">Stream</span><span role="columnheader" class="n">Data</span>
      <span role="columnheader" class="n wide">Packets</span><span role="columnheader" class="n">Lost</span>
      <span role="columnheader" class="n">Silent</span>
    </div>
    <${Rows}
      items=${session.streams}
      label="streams"
      row=${(stream: Stream) => html`<${StreamRow} key=${stream.id} stream=${stream} now=${atMillis} />`}
    />
  </div>`

export const Session = ({ id }: { readonly id: number }) => {
  const session = usePolled<SessionStatus>(() => `sessions/${id}`, id)
  const history = usePolled<History>(() => `sessions/${id}/history`, id)
  const { failure } = session
  // A relay that has been restarted gives the same numbers to other sessions.
  const shown = useRef(session)
  const before = shown.current.value
  const isSame = session.value === undefined || before === undefined || isOne(before, session.value)
  if (isSame && session.value !== undefined) shown.current = session
  const { atMillis, value } = shown.current
  const isGone = failure === "gone" || !isSame
  return html`<section>
    <div class="tools">
      <h1><a href="#/sessions">Sessions</a> / <bdi>${value === undefined ? id : value.name || "?"}</bdi></h1>
    </div>
    ${isGone && html`<p class="notice" role="status">This session has ended. What it streamed is in the relay's output directory.</p>`}
    ${
      value !== undefined &&
      html`<div class=${isGone ? "old" : ""}><${Found} session=${value} atMillis=${atMillis} history=${history.value} /></div>`
    }
    ${(value?.liveTimerMicros ?? 0) > 0 && html`<${Events} id=${id} session=${value?.name} />`}
  </section>`
}
