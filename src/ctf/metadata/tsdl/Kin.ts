/**
 * Traces whose metadata differs only in UUID, environment and clock offset, like those of several processes of one
 * program. They share the classes of the first; of the others only the head is read, up to the clock, which is valid
 * metadata by itself.
 */
import type { TraceClass } from "../../model/TraceClass.ts"

interface Halves {
  /** The text up to the end of the clock's block. */
  readonly head: string
  /** The head without what is each trace's own: UUID, environment and clock offset. */
  readonly common: string
  readonly rest: string
}

const ends = /^clock \{\n[^}]*\n\};\n/m
const environment = /^env \{\n(?:\t\w+ = (?:"(?:[^"\\\n]|\\.)*"|-?\d+);\n)*\};\n/m
const own = /^\t(uuid = "[-0-9a-fA-F]{36}"|offset(?:_s)? = \d+);$/gm
/** Tracers write a few KiB; the pattern of the environment could run out of stack on some MiB. */
const headMax = 65_536
/** A word by which the text may refer to the environment or declare another clock. */
const other = /\benv\b|\bclock\b(?!\.)/

/** Splits metadata after the clock's block; undefined if it is not laid out as LTTng writes it. */
export const halvesOf = (text: string): Halves | undefined => {
  const clock = ends.exec(text)
  if (clock === null || clock.index > headMax) return undefined
  const head = text.slice(0, clock.index + clock[0].length)
  const rest = text.slice(head.length)
  const common = head.replace(environment, "")
  const before = common.slice(0, common.length - clock[0].length)
  // The end of a comment could mean that the clock's block is in that comment.
  if (other.test(before) || other.test(rest) || rest.includes("*/")) return undefined
  return { head, common: common.replace(own, ""), rest }
}

/** A copy of a slice: words of the slice itself would keep the whole text in memory. */
export const copyOf = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le")

/** The traces that have been read, by what they have in common with their kin. */
export class Kin {
  readonly #known = new Map<string, Map<string, TraceClass>>()

  find({ common, rest }: Halves): TraceClass | undefined {
    return this.#known.get(rest)?.get(common)
  }

  add({ common, rest }: Halves, traceClass: TraceClass): void {
    const known = this.#known.get(rest) ?? new Map<string, TraceClass>()
    this.#known.set(rest, known.set(common, traceClass))
  }
}

/** The trace that a head declares, with the classes of its kin. */
export const joined = (head: TraceClass, { dataStreams, packetHeader }: TraceClass): TraceClass => {
  const own = [...dataStreams].map(([id, stream]) => {
    const clock = stream.clock && (head.clocks.get(stream.clock.id) ?? stream.clock)
    return [id, { ...stream, clock }] as const
  })
  return { ...head, packetHeader, dataStreams: new Map(own) }
}
