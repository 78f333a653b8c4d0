/**
 * Traces whose metadata differ only in whose they are, as those of the applications that run one program: of all but
 * the first only the beginning is read, up to the clock, which is metadata by itself. They have the same classes.
 */
import type { TraceClass } from "../../model/TraceClass.ts"

interface Halves {
  /** To the end of the clock's block. */
  readonly head: string
  /** The head without what is each trace's own: UUID, environment, and where its clock begins. */
  readonly common: string
  readonly rest: string
}

const ends = /^clock \{\n[^}]*\n\};\n/m
const environment = /^env \{\n(?:\t\w+ = (?:"(?:[^"\\\n]|\\.)*"|-?\d+);\n)*\};\n/m
const own = /^\t(uuid = "[-0-9a-fA-F]{36}"|offset(?:_s)? = \d+);$/gm
/** What may look at the environment, or say another thing of the clock. */
const other = /\benv\b|\bclock\b(?!\.)/

/** Undefined of metadata that LTTng would write otherwise. */
export const halvesOf = (text: string): Halves | undefined => {
  const clock = ends.exec(text)
  if (clock === null) return undefined
  const head = text.slice(0, clock.index + clock[0].length)
  const rest = text.slice(head.length)
  const common = head.replace(environment, "")
  const before = common.slice(0, common.length - clock[0].length)
  // The end of a comment may be that of one around the clock.
  if (other.test(before) || other.test(rest) || rest.includes("*/")) return undefined
  return { head, common: common.replace(own, ""), rest }
}

/** Words of a slice would keep all of the text in memory. */
export const copyOf = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le")

/** What has been read, to be found again. */
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

/** The trace that a head tells of, with the classes of its kin. */
export const joined = (head: TraceClass, { dataStreams, packetHeader }: TraceClass): TraceClass => {
  const own = [...dataStreams].map(([id, stream]) => {
    const clock = stream.clock && (head.clocks.get(stream.clock.id) ?? stream.clock)
    return [id, { ...stream, clock }] as const
  })
  return { ...head, packetHeader, dataStreams: new Map(own) }
}
