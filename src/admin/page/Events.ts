/**
 * A live session's events as they happen: a filter, pause, the newest first. Nothing is decoded before somebody asks
 * for it. What comes is gathered and drawn a few times a second, and the last of it is kept.
 */
import { html } from "htm/preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { follow } from "./Server.ts"
import * as Values from "./Values.ts"

interface Line {
  readonly type: string
  /** Nanoseconds since the epoch. */
  readonly ts?: string
  readonly name?: string | null
  readonly fields?: Readonly<Record<string, unknown>>
  readonly cpu?: unknown
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

const EventRow = ({ line }: { readonly line: Shown }) => html`<div class="row event" role="row">
  <span role="cell" class="n soft">${timeOf(line)}</span>
  <span role="cell" class=${`name ${line.type === "event" ? "" : "warn"}`}>${line.name ?? line.type}</span>
  <span role="cell" class="name soft" title=${textOf(line)}>${textOf(line)}</span>
</div>`

interface State {
  readonly lines: ReadonlyArray<Shown>
  readonly count: number
  readonly failure: string | undefined
}

const nothing: State = { lines: [], count: 0, failure: undefined }

/** Reads while `where` is defined. */
const useFollowed = (id: number, where: string | undefined, isPaused: boolean): State => {
  const [state, setState] = useState<State>(nothing)
  const paused = useRef(isPaused)
  paused.current = isPaused
  useEffect(() => {
    setState(nothing)
    if (where === undefined) return undefined
    const abort = new AbortController()
    let fresh: Array<Shown> = []
    let count = 0
    const query = where === "" ? "" : `?where=${encodeURIComponent(where)}`
    const onLine = (line: string) => {
      fresh.push({ ...(JSON.parse(line) as Line), at: ++count })
      if (fresh.length > keptCountMax) fresh.shift()
    }
    const draw = () => {
      if (paused.current) return
      const newest = fresh.toReversed()
      fresh = []
      setState(({ failure, lines }) => ({ lines: [...newest, ...lines].slice(0, keptCountMax), count, failure }))
    }
    const timer = setInterval(draw, drawMillis)
    follow(`sessions/${id}/events${query}`, onLine, abort.signal).then((failure) => {
      draw()
      if (!abort.signal.aborted) setState((last) => ({ ...last, failure }))
    })
    return () => {
      abort.abort()
      clearInterval(timer)
    }
  }, [id, where])
  return state
}

export const Events = ({ id }: { readonly id: number }) => {
  const [where, setWhere] = useState<string | undefined>(undefined)
  const [isPaused, setPaused] = useState(false)
  const { count, failure, lines } = useFollowed(id, where, isPaused)
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
    </form>
    ${failure !== undefined && html`<p class="notice" role="status">${failure}</p>`}
    ${isOn && lines.length === 0 && failure === undefined && html`<p class="empty">Nothing yet.</p>`}
    ${
      lines.length > 0 &&
      html`<div class="table events" role="table">
        ${lines.map((line) => html`<${EventRow} key=${line.at} line=${line} />`)}
      </div>`
    }
  </section>`
}
