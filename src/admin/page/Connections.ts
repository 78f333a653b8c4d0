/** A table of open connections, or of the last ones that ended. */
import { html } from "htm/preact"
import { useState } from "preact/hooks"
import * as Clock from "./Clock.ts"
import { usePolled } from "./Polling.ts"
import { Rows } from "./Rows.ts"
import type { ConnectionStatus, Listed } from "./Server.ts"
import * as Values from "./Values.ts"

type State = "open" | "closed"

/** Reasons that are nothing to notice. */
const ordinary = new Set(["peer closed", "relay stopped"])

const heldBackSeconds = ({ heldBackMillis }: ConnectionStatus): number =>
  Object.values(heldBackMillis).reduce((sum, millis) => sum + millis, 0) / 1000

const SessionLink = ({ id, isOpen }: { readonly id: number | undefined; readonly isOpen: boolean }) =>
  id === undefined ? "–" : isOpen ? html`<a href=${`#/sessions/${id}`}>${id}</a>` : String(id)

const Row = ({ connection, state }: { readonly connection: ConnectionStatus; readonly state: State }) => {
  const { closedAtMillis, complaint, heldBackBy, openedAtMillis, peer, port, reason, receivedByteCount, sessionId } =
    connection
  const seconds = ((closedAtMillis ?? Clock.nowMillis()) - openedAtMillis) / 1000
  return html`<div class="row connection" role="row">
    <span role="cell">${port}</span>
    <span role="cell" class="name">${peer}</span>
    <span role="cell" class="wide">
      <${SessionLink} id=${sessionId} isOpen=${state === "open"} />
    </span>
    <span role="cell" class="n">${Values.bytes(receivedByteCount)}</span>
    <span role="cell" class="n wide">${Values.duration(seconds)}</span>
    <span role="cell" class=${`n wide ${heldBackBy === undefined ? "" : "warn"}`} title=${heldBackBy ?? ""}>
      ${Values.duration(heldBackSeconds(connection))}
    </span>
    <span role="cell" class=${`end ${reason === undefined || ordinary.has(reason) ? "" : "bad"}`} title=${complaint ?? ""}>
      ${
        state === "open"
          ? heldBackBy === undefined
            ? "read"
            : `held back: ${heldBackBy}`
          : html`${
              closedAtMillis !== undefined && html`<span class="wide">${Values.clock(closedAtMillis)} </span>`
            }${reason}${complaint === undefined ? "" : `: ${complaint}`}`
      }
    </span>
  </div>`
}

export const Connections = () => {
  const [state, setState] = useState<State>("open")
  const { value } = usePolled<Listed<ConnectionStatus>>(() => `connections?limit=1000&state=${state}`, state)
  const { items = [], total } = value ?? {}
  const tab = (name: State, text: string) => html`<button
    type="button"
    aria-pressed=${state === name}
    onClick=${() => setState(name)}
  >${text}</button>`
  return html`<section>
    <div class="tools">
      <h1>Connections <small>${total ?? ""}</small></h1>
      <div class="switch" role="group" aria-label="Which connections">${tab("open", "Open")}${tab("closed", "Ended")}</div>
    </div>
    <div class="table" role="table">
      <div class="row connection head" role="row">
        <span role="columnheader">Port</span><span role="columnheader">Peer</span>
        <span role="columnheader" class="wide">Session</span><span role="columnheader" class="n">Received</span>
        <span role="columnheader" class="n wide">For</span><span role="columnheader" class="n wide">Held back</span>
        <span role="columnheader" class="end">${state === "open" ? "State" : "End"}</span>
      </div>
      <${Rows}
        items=${items}
        label="connections"
        row=${(connection: ConnectionStatus) => html`<${Row} key=${connection.id} connection=${connection} state=${state} />`}
      />
    </div>
    ${items.length < (total ?? 0) && html`<p class="empty">The first ${items.length} of them.</p>`}
    ${total === 0 && html`<p class="empty">${state === "open" ? "Nobody is connected." : "No connection has ended yet."}</p>`}
  </section>`
}
