/**
 * Shows a live session's events as they happen, the newest first, with a filter and a pause. The relay decodes nothing
 * before a person asks for it. What comes is gathered and drawn a few times a second, and only the newest is kept.
 */
import { html } from "htm/preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { harmless } from "../../errors/Harmless.ts"
import * as ChromeLines from "./ChromeLines.ts"
import { Recent, secondsMax } from "./Recent.ts"
import { follow, tokenWanted } from "./Server.ts"
import { Token } from "./Token.ts"
import * as Values from "./Values.ts"

interface Line extends ChromeLines.Line {
  readonly count?: number
  readonly message?: string
  readonly reason?: string
}

interface Shown extends Line {
  readonly at: number
}

const keptCountMax = 200
const drawMillis = 250

const timeOf = ({ ts }: Line): string => {
  if (ts === undefined) return ""
  const micros = BigInt(ts) / 1000n
  const text = Values.clock(Number(micros / 1000n))
  return `${text}.${String(micros % 1_000_000n).padStart(6, "0")}`
}

const textOf = ({ count, fields, message, reason, type }: Line): string => {
  if (type === "event")
    return Object.entries(fields ?? {})
      .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
      .join(", ")
  return message ?? reason ?? `${count ?? ""}`
}

const sentenceOf = (reason: string): string => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`

const EventRow = ({ line }: { readonly line: Shown }) => {
  const [name, text] = [harmless(line.name ?? line.type), harmless(textOf(line))]
  return html`<div class="row event" role="row">
    <span role="cell" class="n soft">${timeOf(line)}</span>
    <span role="cell" class=${`name ${line.type === "event" ? "" : "warn"}`}><bdi>${name}</bdi></span>
    <span role="cell" class="name soft" title=${text}><bdi>${text}</bdi></span>
  </div>`
}

interface State {
  readonly recent: Recent
  readonly lines: ReadonlyArray<Shown>
  readonly count: number
  readonly failure: string | undefined
}

const nothing = (recent = new Recent()): State => ({ recent, lines: [], count: 0, failure: undefined })

/** Saves the events as a file for ui.perfetto.dev and chrome://tracing. */
const save = (lines: ReadonlyArray<ChromeLines.Line>, session: string): void => {
  const url = URL.createObjectURL(new Blob([ChromeLines.trace(lines, session)], { type: "application/json" }))
  const link = document.createElement("a")
  link.href = url
  link.download = `${session.replaceAll(/[^\w.-]+/g, "_") || "session"}.trace.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Follows the session's events while `where` is defined; a change of `attempt` begins anew. */
const useFollowed = (id: number, where: string | undefined, isPaused: boolean, attempt: number): State => {
  const [state, setState] = useState<State>(nothing)
  const paused = useRef(isPaused)
  paused.current = isPaused
  useEffect(() => {
    const recent = new Recent()
    setState(nothing(recent))
    if (where === undefined) return undefined
    const abort = new AbortController()
    let fresh: Array<Shown> = []
    let count = 0
    let ending: string | undefined
    const query = where === "" ? "" : `?where=${encodeURIComponent(where)}`
    const onLine = (line: string) => {
      const told = JSON.parse(line) as Line
      if (told.type === "end") {
        ending = sentenceOf(told.reason ?? "")
        return
      }
      // During a pause nothing is added: what is on the screen is what can be saved.
      if (!paused.current) recent.add(told)
      fresh.push({ ...told, at: ++count })
      if (fresh.length > keptCountMax) fresh.shift()
    }
    const draw = () => {
      if (paused.current) return
      const newest = fresh.toReversed()
      fresh = []
      setState(({ failure, lines }) => ({
        recent,
        lines: [...newest, ...lines].slice(0, keptCountMax),
        count,
        failure
      }))
    }
    const timer = setInterval(draw, drawMillis)
    follow(`sessions/${id}/events${query}`, onLine, abort.signal).then((failure) => {
      draw()
      if (!abort.signal.aborted) setState((last) => ({ ...last, failure: ending ?? failure }))
    })
    return () => {
      abort.abort()
      clearInterval(timer)
    }
  }, [id, where, attempt])
  return state
}

export const Events = ({ id, session }: { readonly id: number; readonly session: string }) => {
  const [where, setWhere] = useState<string | undefined>(undefined)
  const [isPaused, setPaused] = useState(false)
  const [attempt, setAttempt] = useState(0)
  const { count, failure, lines, recent } = useFollowed(id, where, isPaused, attempt)
  const isOn = where !== undefined
  const watch = (event: SubmitEvent) => {
    event.preventDefault()
    setPaused(false)
    setWhere(String(new FormData(event.target as HTMLFormElement).get("where") ?? "").trim())
  }
  return html`<section>
    <h2>Events <small>${isOn ? Values.count(count) : ""}</small></h2>
    <form class="tools" onSubmit=${watch}>
      <input type="search" name="where" placeholder="Filter, as seq > 5 and $ctx.procname =~ /app/" aria-label="Filter" />
      <button type="submit">${isOn ? "Apply" : "Watch"}</button>
      ${isOn && html`<button type="button" aria-pressed=${isPaused} onClick=${() => setPaused(!isPaused)}>Pause</button>`}
      ${isOn && html`<button type="button" onClick=${() => setWhere(undefined)}>Stop</button>`}
      ${
        isOn &&
        html`<button
          type="button"
          disabled=${recent.count === 0}
          title="What was watched in the last ${secondsMax} s, as a trace for ui.perfetto.dev or chrome://tracing"
          onClick=${() => save(recent.lines, session)}
        >Save last ${secondsMax} s</button>`
      }
    </form>
    ${failure === tokenWanted && html`<${Token} what="events" onGiven=${() => setAttempt(attempt + 1)} />`}
    ${failure !== undefined && failure !== tokenWanted && html`<p class="notice" role="status">${failure}</p>`}
    ${isOn && lines.length === 0 && failure === undefined && html`<p class="empty">Nothing yet.</p>`}
    ${
      lines.length > 0 &&
      html`<div class="table events" role="table">
        ${lines.map((line) => html`<${EventRow} key=${line.at} line=${line} />`)}
      </div>`
    }
  </section>`
}
