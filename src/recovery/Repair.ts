/**
 * Puts right what a check finds, and nothing else: the changes of one check, then another check, until there is nothing
 * to be done. Nothing is invented: what changes is cut, renamed, or rebuilt from what is there.
 */
import * as SystemError from "../errors/SystemError.ts"
import * as Check from "./Check.ts"
import type { Change, Finding } from "./Finding.ts"
import type { Tree } from "./Tree.ts"

export interface Repaired {
  /** What was done, in order. */
  readonly changes: ReadonlyArray<Change>
  /** Changes that failed, and why. */
  readonly failures: ReadonlyArray<{ readonly change: Change; readonly reason: string }>
  /** A check of what is there now. */
  readonly report: Check.Report
}

/** Passes, since each may uncover what was hidden before: a moved packet after a torn one, for example. */
const passCountMax = 8

/** The changes of the first pass. */
export const plan = (findings: ReadonlyArray<Finding>): ReadonlyArray<Change> =>
  findings.flatMap(({ changes }) => changes)

/** With `readsAll` the events of all traces are decoded; otherwise of large ones only where metadata is damaged. */
export const optionsOf = (readsAll: boolean): Check.Options => ({ readsEvents: readsAll ? "all" : "damaged" })

export const repair = (tree: Tree, apply: (change: Change) => void, options = optionsOf(false)): Repaired => {
  const changes: Array<Change> = []
  const failures: Array<{ readonly change: Change; readonly reason: string }> = []
  for (let pass = 0; pass < passCountMax; pass++) {
    const report = Check.check(tree, options)
    if (plan(report.findings).length === 0 || failures.length > 0) return { changes, failures, report }
    for (const finding of report.findings) {
      for (const change of finding.changes) {
        try {
          apply(change)
          changes.push(change)
        } catch (cause) {
          failures.push({ change, reason: SystemError.reasonOf(cause) })
          // The finding's other changes suppose this one: a file is cut only when what is cut off was set aside.
          break
        }
      }
    }
  }
  return { changes, failures, report: Check.check(tree, options) }
}
