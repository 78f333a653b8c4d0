/** One reading of an edge's own instruments. Pure. */
import { printable } from "../protocol/Printable.ts"
import * as Instruments from "./Instruments.ts"
import { labelled, type Sample, sample } from "./Sample.ts"

export interface EdgeFigures {
  readonly spoolBytes: number
  readonly spoolBytesMax: number
  /** True: tracers are held back. */
  readonly isFull: boolean
  readonly oldestMillis: number
  readonly lagMillis: number
  readonly heardByteCount: number
  readonly sentByteCount: number
  readonly resentByteCount: number
  readonly savedByteCount: number
  readonly connectedCount: number
  readonly lossCount: number
  /** Why the relay cannot be reached; absent: it can, or nobody tried. */
  readonly reason?: string
  /** `from`: the edge that brings the journal, if it is another. */
  readonly journals: ReadonlyArray<{ readonly isOpen: boolean; readonly from?: { readonly isConnected: boolean } }>
  readonly lostPartCount: number
  /** `name` is HOST/SESSION. */
  readonly losses: ReadonlyArray<{
    readonly name: string
    readonly policy: string
    readonly packetCount: number
    readonly byteCount: number
  }>
}

const lossSamples = ({
  byteCount,
  name,
  packetCount,
  policy
}: EdgeFigures["losses"][number]): ReadonlyArray<Sample> => {
  const at = name.indexOf("/")
  const labels = [printable(name.slice(0, at)), printable(name.slice(at + 1)), policy]
  return [
    labelled(Instruments.edgeDroppedPackets, packetCount, labels),
    labelled(Instruments.edgeDroppedBytes, byteCount, labels)
  ]
}

export const edgeSamples = (figures: EdgeFigures): ReadonlyArray<Sample> => {
  const passed = figures.journals.flatMap(({ from }) => from ?? [])
  const connectedCount = passed.filter(({ isConnected }) => isConnected).length
  const openCount = figures.journals.filter(({ isOpen }) => isOpen).length
  return [
    sample(Instruments.edgeSpoolBytes, figures.spoolBytes),
    sample(Instruments.edgeSpoolLimit, figures.spoolBytesMax),
    sample(Instruments.edgeSpoolFull, figures.isFull ? 1 : 0),
    sample(Instruments.edgeOldest, figures.oldestMillis / 1000),
    sample(Instruments.edgeLag, figures.lagMillis / 1000),
    sample(Instruments.edgeHeardBytes, figures.heardByteCount),
    sample(Instruments.edgeSentBytes, figures.sentByteCount),
    sample(Instruments.edgeResentBytes, figures.resentByteCount),
    sample(Instruments.edgeSavedBytes, figures.savedByteCount),
    sample(Instruments.edgeLinkUp, figures.reason === undefined ? 1 : 0),
    sample(Instruments.edgeConnected, figures.connectedCount),
    sample(Instruments.edgeLinkLosses, figures.lossCount),
    sample(Instruments.edgeJournals, openCount, "recording"),
    sample(Instruments.edgeJournals, figures.journals.length - openCount, "ended"),
    sample(Instruments.edgePassedJournals, connectedCount, "connected"),
    sample(Instruments.edgePassedJournals, passed.length - connectedCount, "suspended"),
    sample(Instruments.edgeLostParts, figures.lostPartCount),
    ...figures.losses.flatMap(lossSamples)
  ]
}
