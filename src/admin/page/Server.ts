/**
 * What the page asks the relay, and whether it answers. The token is kept for this tab only. Answers have the shapes of
 * `AdminApi`, whose types are imported and whose code is not.
 */

import type { Activity, ConnectionStatus, Counters, SessionStatus } from "../../relay/Status.ts"
import type { ProcessFigures } from "../../telemetry/Reading.ts"
import type { Overview, SessionSummary } from "../AdminApi.ts"

export type { Activity, ConnectionStatus, Counters, Overview, ProcessFigures, SessionStatus, SessionSummary }

export interface History {
  readonly intervalSeconds: number
  readonly bytes: ReadonlyArray<number>
  readonly eventsDiscarded: ReadonlyArray<number>
  readonly lagSeconds: ReadonlyArray<number>
}

export interface Listed<A> {
  readonly total: number
  readonly items: ReadonlyArray<A>
}

/** `refused`: the token is missing or wrong; `gone`: what was asked for is not there any more. */
export type Failure = "lost" | "refused" | "gone"

const key = "lttng-relay-token"

export const setToken = (token: string): void => sessionStorage.setItem(key, token)

const answerMillisMax = 10_000

/** A good answer, or why there is none. */
export type Answer<A> = { readonly value: A } | { readonly failure: Failure }

export const ask = async <A>(path: string): Promise<Answer<A>> => {
  const token = sessionStorage.getItem(key)
  try {
    const answer = await fetch(`/api/v1/${path}`, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answerMillisMax)
    })
    if (answer.status === 401) return { failure: "refused" }
    if (answer.status === 404) return { failure: "gone" }
    return answer.ok ? { value: (await answer.json()) as A } : { failure: "lost" }
  } catch {
    return { failure: "lost" }
  }
}
