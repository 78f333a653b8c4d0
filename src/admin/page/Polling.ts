/** Asks the relay every two seconds for as long as a component is shown; a hidden tab asks nothing. */
import { useEffect, useRef, useState } from "preact/hooks"
import * as Clock from "./Clock.ts"
import { ask, type Failure } from "./Server.ts"

export interface Polled<A> {
  /** The last good answer, which stays while the relay does not answer. */
  readonly value: A | undefined
  /** When it came. */
  readonly atMillis: number
  readonly failure: Failure | undefined
}

const nothing = { value: undefined, atMillis: 0, failure: undefined }
const intervalMillis = 2_000

/** `path` may depend on whether there has been no good answer yet. When `again` changes, it begins anew. */
export const usePolled = <A>(path: (isFirst: boolean) => string, again: unknown): Polled<A> => {
  const [polled, setPolled] = useState<Polled<A>>(nothing)
  const pathNow = useRef(path)
  pathNow.current = path
  useEffect(() => {
    let isOver = false
    let isFirst = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      if (!document.hidden) {
        const answer = await ask<A>(pathNow.current(isFirst))
        if (isOver) return
        if ("failure" in answer) setPolled((before) => ({ ...before, failure: answer.failure }))
        else {
          isFirst = false
          setPolled({ value: answer.value, atMillis: Clock.nowMillis(), failure: undefined })
        }
      }
      timer = setTimeout(look, intervalMillis)
    }
    setPolled(nothing)
    void look()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [again])
  return polled
}
