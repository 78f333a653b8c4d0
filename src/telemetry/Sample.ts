/** Values of instruments at one moment. */
import type { Instrument } from "./Instruments.ts"

/** Cumulative: `count` of the observations are not above `limit`. */
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
  /** In the order of the instrument's labels. */
  readonly labels: ReadonlyArray<string>
  readonly value: number | Distribution
}

/** `labels` may be shared by samples: their text is then made once. */
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
