/**
 * Asks the relay for what the page shows. The token is kept for this tab only. Answers have the shapes of `AdminApi`,
 * of which only types are imported, no code.
 */
import { harmless } from "../../errors/Harmless.ts"
import type { Activity, ConnectionStatus, Counters, Drain, SessionStatus } from "../../relay/Status.ts"
import type { Device } from "../../telemetry/Device.ts"
import type { ProcessFigures } from "../../telemetry/Reading.ts"
import type { Overview, SessionHistory, SessionSummary } from "../AdminApi.ts"
import type { PassedSession } from "../Operations.ts"

export type {
  Activity,
  ConnectionStatus,
  Counters,
  Device,
  Drain,
  Overview,
  PassedSession,
  ProcessFigures,
  SessionStatus,
  SessionSummary
}

export type History = typeof SessionHistory.Type

export interface Listed<A> {
  readonly total: number
  readonly items: ReadonlyArray<A>
}

/** `lost`: no good answer; `refused`: the token is missing or wrong; `gone`: what was asked for no longer exists. */
export type Failure = "lost" | "refused" | "gone"

const key = "lttng-relay-token"

export const setToken = (token: string): void => sessionStorage.setItem(key, token)

const answerMillisMax = 10_000

/** A good answer, or why there is none. */
export type Answer<A> = { readonly value: A } | { readonly failure: Failure }

const authorization = (): Record<string, string> => {
  const token = sessionStorage.getItem(key)
  return token === null ? {} : { authorization: `Bearer ${token}` }
}

/** What `follow` says if the token is missing or wrong. */
export const tokenWanted = "It needs the token."

/** Calls `onLine` for each line of an answer without an end; says why it ended. */
export const follow = async (path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<string> => {
  try {
    const answer = await fetch(`/api/v1/${path}`, { headers: authorization(), signal })
    if (answer.status === 401) return tokenWanted
    if (!answer.ok || answer.body === null) {
      const { reason } = (await answer.json().catch(() => ({}))) as { readonly reason?: string }
      return reason ?? `The relay refuses (${answer.status}).`
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ""
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return "The relay tells no more."
      const parts = (rest + value).split("\n")
      rest = parts.pop() ?? ""
      for (const part of parts) if (part !== "") onLine(part)
    }
  } catch {
    return "The relay does not answer any more."
  }
}

/** Escapes texts that peers chose: they must not turn the writing beside them, and hidden characters are shown. */
const shown = (_member: string, value: unknown): unknown => (typeof value === "string" ? harmless(value) : value)

export const ask = async <A>(path: string): Promise<Answer<A>> => {
  try {
    const answer = await fetch(`/api/v1/${path}`, {
      headers: authorization(),
      signal: AbortSignal.timeout(answerMillisMax)
    })
    if (answer.status === 401) return { failure: "refused" }
    if (answer.status === 404) return { failure: "gone" }
    return answer.ok ? { value: JSON.parse(await answer.text(), shown) as A } : { failure: "lost" }
  } catch {
    return { failure: "lost" }
  }
}
