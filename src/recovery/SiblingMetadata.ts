/**
 * Metadata that is lost, where another directory has it: the chunks of a session, and snapshots, each have a copy. A
 * trace's UUID is in its metadata and in each of its packets: with the same it is of the same trace. Pure.
 */
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import { type Change, type Finding, finding } from "./Finding.ts"
import type { Undeclared } from "./PacketScan.ts"
import { metadataName, type RecordedTrace } from "./RecordedTrace.ts"
import { join } from "./Tree.ts"

/** How many classes of streams and events are declared: metadata only ever grows. */
const declarationCount = (traceClass: TraceClass | undefined): number =>
  [...(traceClass?.dataStreams.values() ?? [])].reduce((sum, { events }) => sum + 1 + events.size, 0)

const lost: ReadonlySet<Finding["code"]> = new Set([
  "metadata-missing",
  "metadata-empty",
  "metadata-refused",
  "metadata-torn",
  "set-aside",
  "trace-mismatch"
])

interface Wanting {
  readonly path: string
  readonly uuid: string
  readonly found: Finding
  readonly declarationCount: number
}

interface Whole {
  readonly path: string
  readonly count: number
  readonly traceClass: TraceClass | undefined
}

const needsOf = ({ files }: RecordedTrace): ReadonlyArray<Undeclared> =>
  files.flatMap(({ scan: { holes, packets } }) => [
    ...holes.flatMap(({ undeclared }) => undeclared ?? []),
    ...packets.flatMap(({ fault }) => fault?.undeclared ?? [])
  ])

const declares = ({ traceClass }: Whole, { eventClass, streamClass }: Undeclared): boolean => {
  const stream = traceClass?.dataStreams.get(streamClass)
  return stream !== undefined && (eventClass === undefined || stream.events.has(eventClass))
}

/** Finding about metadata that ends between two of its packets, so that nothing in it says that there was more. */
const short = (path: string): Finding =>
  finding("damage", "metadata-torn", join(path, metadataName), "packets need more than it declares")

export class SiblingMetadata {
  readonly #wanting: Array<Wanting> = []
  /** For each trace, by UUID, the directory whose metadata declares the most. */
  readonly #whole = new Map<string, Whole>()
  readonly #needing: Array<{
    readonly path: string
    readonly uuid: string
    readonly needs: ReadonlyArray<Undeclared>
  }> = []

  /** `isJudged`: nobody writes in the trace's directory. */
  add(trace: RecordedTrace, isJudged: boolean): void {
    const { metadata, path, uuid, uuids } = trace
    const { traceClass } = metadata
    const [found] = metadata.findings
    const count = declarationCount(traceClass)
    if (found === undefined) {
      if (uuid === undefined) return
      if (count > (this.#whole.get(uuid)?.count ?? 0)) this.#whole.set(uuid, { path, count, traceClass })
      const needs = isJudged ? needsOf(trace) : []
      if (needs.length > 0) this.#needing.push({ path, uuid, needs })
      return
    }
    const [only, ...others] = uuids
    // Only this program refuses it: others may read it.
    const isOthers = found.code === "metadata-refused" && found.changes.length === 0
    if (!isJudged || isOthers || only === undefined || others.length > 0 || !lost.has(found.code)) return
    this.#wanting.push({ path, uuid: only, found, declarationCount: count })
  }

  /** What findings become, by those that they replace. Keys that were not found before are new findings. */
  resolve(read: (path: string) => Uint8Array | undefined): ReadonlyMap<Finding, Finding> {
    const resolved = new Map<Finding, Finding>()
    const needing = this.#needing.flatMap(({ needs, path, uuid }): ReadonlyArray<Wanting> => {
      const whole = this.#whole.get(uuid)
      const isMore = whole !== undefined && whole.path !== path && needs.some((need) => declares(whole, need))
      return isMore ? [{ path, uuid, found: short(path), declarationCount: 0 }] : []
    })
    for (const { declarationCount, found, path, uuid } of [...this.#wanting, ...needing]) {
      const whole = this.#whole.get(uuid)
      if (whole === undefined || whole.count < declarationCount) continue
      const from = join(whole.path, metadataName)
      const bytes = read(from)
      if (bytes === undefined) continue
      const write: Change = { kind: "write", path: join(path, metadataName), bytes, from }
      const away = found.changes.filter(({ kind }) => kind === "rename")
      const code = found.code === "set-aside" ? "metadata-missing" : found.code
      const detail = `${found.detail}; ${from} is of the same trace`
      resolved.set(found, finding("damage", code, found.path, detail, { changes: [...away, write] }))
    }
    return resolved
  }
}
