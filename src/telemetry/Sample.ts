/** Values of instruments at one moment. */
import type { Instrument } from "./Instruments.ts"

/** A cumulative bucket: `count` of the observations are at most `limit`. */
export interface Bucket {
  readonly limit: number
  readonly count: number
}

export interface Distribution {
  readonly buckets: ReadonlyArray<Bucket>
  readonly sum: number
  readonly count: number
}

export interface Sample {
  readonly instrument: Instrument
  /** Values of the labels, in the order of the instrument's. */
  readonly labels: ReadonlyArray<string>
  readonly value: number | Distribution
}

/** A sample whose array `labels` may be shared with others: then its text is made only once. */
export const labelled = (
  instrument: Instrument,
  value: number | Distribution,
  labels: ReadonlyArray<string>
): Sample => ({ instrument, labels, value })

export const sample = (
  instrument: Instrument,
  value: number | Distribution,
  ...labels: ReadonlyArray<string>
): Sample => ({ instrument, labels, value })
