/**
 * Whether the relay should be given work. Pure: the answer has every check, and names what fails.
 *
 * No single session changes it: whatever one target or viewer does, the relay stays ready for the others.
 */
import { Schema } from "effect"

export const Check = Schema.Struct({ name: Schema.String, isOk: Schema.Boolean, detail: Schema.String })
export interface Check extends Schema.Schema.Type<typeof Check> {}

export const Readiness = Schema.Struct({ isReady: Schema.Boolean, checks: Schema.Array(Check) })
export interface Readiness extends Schema.Schema.Type<typeof Readiness> {}

export interface Facts {
  /** Free bytes where traces go; undefined: the file system does not say. */
  readonly freeBytes?: number
  /** Free inodes; undefined: the file system has no table of them. */
  readonly freeFileCount?: number
  /** The system's code if nothing can be made in the output directory. */
  readonly outputFault?: string
  readonly openDescriptors: number
  readonly descriptorLimit: number
  /** True: no new sessions are made. */
  readonly isDraining: boolean
  readonly sessionCount: number
}

/** With less free space than this, only a few more packets could be stored. */
export const freeBytesMin = 16 * 1024 * 1024
/** A session of a target with many processors has as many files. */
export const freeFileCountMin = 256
/** What a new session needs at once: its connections and first files. */
const freeDescriptorsMin = 16

const check = (name: string, isOk: boolean, detail: string): Check => ({ name, isOk, detail })

/** Judges the facts; `more` are further checks. */
export const readiness = (facts: Facts, more: ReadonlyArray<Check>): Readiness => {
  const { freeBytes, freeFileCount, openDescriptors, outputFault, descriptorLimit, isDraining, sessionCount } = facts
  const isFewFiles = freeFileCount !== undefined && freeFileCount < freeFileCountMin
  const isFull = freeBytes !== undefined && freeBytes < freeBytesMin
  const files = isFewFiles ? `, room for ${freeFileCount} more files` : ""
  const space = `${freeBytes === undefined ? "free space unknown" : `${freeBytes} bytes free`}${files}`
  const freeDescriptors = descriptorLimit - openDescriptors
  const checks = [
    check(
      "disk",
      outputFault === undefined && !isFull && !isFewFiles,
      outputFault === undefined ? space : `${outputFault}: nothing can be made in the output directory`
    ),
    check("descriptors", freeDescriptors >= freeDescriptorsMin, `${openDescriptors} of ${descriptorLimit} in use`),
    check("draining", !isDraining, isDraining ? `no new sessions, ${sessionCount} are left` : "no"),
    ...more
  ]
  return { isReady: checks.every(({ isOk }) => isOk), checks }
}
