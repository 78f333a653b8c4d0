/** What commands about recordings share: directories, an interval of time, and how they are opened. */
import { type Interval, isEmpty } from "../../ctf/recorded/Interval.ts"
import * as Moment from "../../ctf/recorded/Moment.ts"
import { isUnsettled } from "../../ctf/recorded/Moved.ts"
import * as Recording from "../../ctf/recorded/Recording.ts"
import * as Unsettled from "../../recovery/Unsettled.ts"
import { Misused } from "../Misused.ts"
import * as Options from "../Options.ts"
import { OutputClosed } from "../StandardOutput.ts"

export const options = {
  begin: {
    kind: "texts",
    name: "begin",
    short: "b",
    description: "From then on: seconds from the epoch, [YYYY-MM-DD ]HH:MM[:SS[.N]], or YYYY-MM-DD"
  },
  end: { kind: "texts", name: "end", short: "e", description: "Until then, like --begin" },
  timerange: { kind: "texts", name: "timerange", description: "--begin and --end in one: BEGIN,END or [BEGIN,END]" },
  streamIntersection: Options.toggle(
    "stream-intersection",
    "Of each trace only the time in which all of its streams are active"
  ),
  clockForceCorrelate: Options.toggle(
    "clock-force-correlate",
    "Compare times although the clocks have different origins"
  )
} as const satisfies Options.Options

export interface Input extends Options.ValuesOf<typeof options> {
  readonly directory: ReadonlyArray<string>
  /** Times of `begin` and `end` are UTC. */
  readonly clockGmt: boolean
}

const flags = ["begin", "end"] as const

/** The input with `begin` and `end` from `timerange`, if that is given. */
const asked = (input: Input): Input => {
  const [range, again] = input.timerange
  if (range === undefined) return input
  if (again !== undefined) throw new Misused("--timerange is given twice")
  const other = flags.find((flag) => input[flag].length > 0)
  if (other !== undefined) throw new Misused(`--timerange and --${other} exclude each other`)
  const [, begin, end] = /^\[?([^,]+?),([^,]+?)\]?$/.exec(range) ?? []
  if (begin === undefined || end === undefined) throw new Misused(`--timerange: ${range} is not BEGIN,END`)
  return { ...input, begin: [begin], end: [end] }
}

const moment = (
  flag: (typeof flags)[number],
  { clockGmt: isGmt, [flag]: [text, again] }: Input,
  first?: () => bigint | undefined
) => {
  if (text === undefined) return undefined
  if (again !== undefined) throw new Misused(`--${flag} is given twice`)
  const time = Moment.parse(text, isGmt, first)
  if (time === undefined)
    throw new Misused(
      `--${flag}: ${text === "" ? "nothing" : text} is neither seconds nor [YYYY-MM-DD ]HH:MM[:SS[.N]] nor YYYY-MM-DD`
    )
  return time
}

const intervalOf = (input: Input, first: () => bigint | undefined): Interval => {
  const interval = { begin: moment("begin", input, first), end: moment("end", input, first) }
  if (isEmpty(interval)) throw new Misused("--begin is after --end")
  return interval
}

const urlPattern = /^(?:net6?|tls|tcp6?|https?):\/\//

/**
 * What is there of a recording of which nothing can be read: nothing yet, if what was refused is being recorded. Throws
 * what is damage.
 */
const begun = (directories: ReadonlyArray<string>, refused: Recording.RecordingRefused): Recording.Recording => {
  const isWritten = Unsettled.isWrittenBelow(directories)
  const all = [refused, ...refused.others]
  const early = all.filter(({ files, path }) => isUnsettled(path, files, isWritten))
  if (early.length === 0) throw refused
  const damaged = all.find((one) => !one.isMissing && !early.includes(one))
  if (damaged !== undefined) throw damaged
  const missing = all.filter(({ isMissing }) => isMissing).map(({ message }) => message)
  return new Recording.Recording(
    [],
    missing,
    all.filter(({ isMissing }) => !isMissing),
    new Map()
  )
}

/** Opens the recording. Throws what is wrong; times are checked first, although some depend on the traces. */
export const open = (input: Input, clockShift: bigint): Recording.Recording => {
  const url = input.directory.find((path) => urlPattern.test(path))
  if (url !== undefined) throw new Misused(`${url} is no directory; live sessions are for \`lttng-relay follow\``)
  const times = asked(input)
  for (const flag of flags) moment(flag, times)
  try {
    return Recording.open(input.directory, {
      ...Recording.defaults,
      isIntersected: input.streamIntersection,
      isCorrelationForced: input.clockForceCorrelate,
      isPartial: true,
      clockShift,
      interval: (first) => intervalOf(times, first)
    })
  } catch (cause) {
    if (cause instanceof Recording.RecordingRefused) return begun(input.directory, cause)
    throw cause
  }
}

/** Prints, and sets the exit status if something could not be decoded. That nobody reads any more is no failure. */
export const end = (print: () => number): void => {
  try {
    if (print() > 0) process.exitCode = 1
  } catch (cause) {
    if (!(cause instanceof OutputClosed)) throw cause
  }
}
