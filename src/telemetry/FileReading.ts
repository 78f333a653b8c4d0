/** One reading of the files that are read again while the daemon runs. Pure. */
import * as Instruments from "./Instruments.ts"
import { type Sample, sample } from "./Sample.ts"

/** By what they are: whether they could not be used when they were read last. */
export const fileSamples = (refused: ReadonlyMap<string, boolean>): ReadonlyArray<Sample> =>
  Array.from(refused, ([file, isRefused]) => sample(Instruments.refusedFile, isRefused ? 1 : 0, file))
