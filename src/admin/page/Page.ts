/** The page: a head that says whether the relay answers, and one view, chosen by the part of the address behind `#`. */
import { html } from "htm/preact"
import { render } from "preact"
import { useEffect, useMemo, useState } from "preact/hooks"
import * as Clock from "./Clock.ts"
import { Connections } from "./Connections.ts"
import { usePolled } from "./Polling.ts"
import { Rates } from "./Rates.ts"
import { RelayView } from "./RelayView.ts"
import type { Drain, Failure, Overview } from "./Server.ts"
import { Session } from "./Session.ts"
import { Sessions } from "./Sessions.ts"
import { Token } from "./Token.ts"
import * as Values from "./Values.ts"

const useHash = (): string => {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const look = () => {
      setHash(location.hash)
      window.scrollTo(0, 0)
    }
    window.addEventListener("hashchange", look)
    return () => window.removeEventListener("hashchange", look)
  }, [])
  return hash
}

const tabs = [
  ["#/sessions", "Sessions"],
  ["#/connections", "Connections"],
  ["#/relay", "Relay"]
] as const

const Status = ({ failure, hasAnswered }: { readonly failure: Failure | undefined; readonly hasAnswered: boolean }) => {
  const [kind, text] = failure === "lost" ? ["bad", "no answer"] : !hasAnswered ? ["", "asking"] : ["good", "answers"]
  return html`<span class="status" role="status"><i class=${`dot ${kind}`}></i>${text}</span>`
}

const Head = ({
  failure,
  hash,
  overview,
  rates
}: {
  readonly failure: Failure | undefined
  readonly hash: string
  readonly overview: Overview | undefined
  readonly rates: Rates
}) => html`<header>
  <nav aria-label="Views">
    <b>lttng-relay</b>
    ${tabs.map(
      ([href, text]) =>
        html`<a href=${href} key=${href} aria-current=${hash.startsWith(href) || (hash === "" && href === "#/sessions") ? "page" : null}>${text}</a>`
    )}
  </nav>
  <div class=${failure === "lost" ? "totals lost" : "totals"}>
    <span>${Values.byteRate(rates.total.bytes)}</span>
    <span class="wide">${Values.rate(rates.total.packets)} packets</span>
    <span class=${rates.total.eventsDiscarded > 0 ? "bad" : "soft"}>
      ${Values.rate(rates.total.eventsDiscarded)} lost
    </span>
    <${Status} failure=${failure} hasAnswered=${overview !== undefined} />
  </div>
</header>`

const View = ({
  hash,
  overview,
  rates
}: {
  readonly hash: string
  readonly overview: Overview | undefined
  readonly rates: Rates
}) => {
  const id = /^#\/sessions\/(\d+)$/.exec(hash)?.[1]
  if (id !== undefined) return html`<${Session} id=${Number(id)} key=${id} />`
  if (hash.startsWith("#/connections")) return html`<${Connections} />`
  if (hash.startsWith("#/relay")) return html`<${RelayView} />`
  return overview === undefined
    ? html`<section></section>`
    : html`<${Sessions} sessions=${overview.sessions} passing=${overview.passing ?? []} rates=${rates} />`
}

const drainText = ({ deadlineMillis, edgeSessionCount = 0, sessionCount }: Drain): string => {
  const others = edgeSessionCount === 0 ? "" : ` but ${edgeSessionCount} by edges`
  if (sessionCount === 0) return `Drained: no session is left${others}, and none is made.`
  const left = sessionCount === 1 ? "1 session is left" : `${sessionCount} sessions are left`
  const end = deadlineMillis === undefined ? "" : `; they are ended at ${Values.clock(deadlineMillis)}`
  return `Draining: no session is made, ${left}${end}.`
}

const Page = () => {
  const hash = useHash()
  const [attempt, setAttempt] = useState(0)
  const rates = useMemo(() => new Rates(), [])
  const { failure, value } = usePolled<Overview>((isFirst) => `overview?rates=${isFirst}`, attempt)
  if (value !== undefined) rates.take(value)
  useEffect(() => {
    if (value !== undefined) Clock.heard(value.atMillis)
  }, [value])
  if (failure === "refused") return html`<main><${Token} onGiven=${() => setAttempt(attempt + 1)} /></main>`
  return html`<${Head} failure=${failure} hash=${hash} overview=${value} rates=${rates} />
    ${value?.drain.isDraining && html`<p class="notice" role="status">${drainText(value.drain)}</p>`}
    ${failure === "lost" && value !== undefined && html`<p class="notice" role="alert">The relay does not answer. This is what it said last.</p>`}
    <main class=${failure === "lost" ? "old" : ""}><${View} hash=${hash} overview=${value} rates=${rates} /></main>`
}

const element = document.querySelector("#page")
if (element !== null) render(html`<${Page} />`, element)
