/**
 * What is done with which session when the spool is full: `POLICY[:HOST/SESSION]`, one behind the other, with `*` for
 * any text and `?` for any character; the first that fits holds, and where none does, `hold`. Pure.
 */
import { matches } from "../../access/Glob.ts"

/** Tracers wait, the oldest packets go, or the session ends. */
export const policies = ["hold", "drop", "stop"] as const
export type Policy = (typeof policies)[number]

export type Rules = ReadonlyArray<{ readonly policy: Policy; readonly pattern: string }>

/** Throws a message that says what is wrong. */
export const parse = (text: string): Rules =>
  text.split(",").map((part) => {
    const [name = "", ...pattern] = part.trim().split(":")
    const policy = policies.find((known) => known === name)
    if (policy === undefined)
      throw new Error(`${part} is not ${policies.join(", ")}, nor one of them with :HOST/SESSION`)
    if (pattern.length === 0) return { policy, pattern: "*" }
    const glob = pattern.join(":")
    if (!/[/*?]/.test(glob))
      throw new Error(`${part} fits no session: their names are HOST/SESSION, as in ${policy}:*/${glob}`)
    return { policy, pattern: glob }
  })

/** `name` is HOST/SESSION. */
export const policyOf =
  (rules: Rules) =>
  (name: string): Policy =>
    rules.find(({ pattern }) => matches(pattern, name))?.policy ?? "hold"
