/**
 * Everything that can go wrong and that an operator can meet, each with a stable code: why connections end, what is
 * refused, what fails. Log lines print the code; docs/errors.md is this list for the reader, and a test compares them.
 * A code is never given another meaning; one that is no longer used is not used again.
 */
import { connections } from "./codes/Connections.ts"
import type { Entry } from "./codes/Entry.ts"
import { failures } from "./codes/Failures.ts"
import { refusals } from "./codes/Refusals.ts"
import { starts } from "./codes/Starts.ts"

export const catalogue = { ...connections, ...refusals, ...failures, ...starts } as const

export type Code = keyof typeof catalogue

export const entries: ReadonlyMap<Code, Entry> = new Map(Object.entries(catalogue) as Array<[Code, Entry]>)
