/**
 * Metadata that is lost, where another directory has it: the chunks of a session, and snapshots, each have a copy. A
 * trace's UUID is in its metadata and in each of its packets: with the same it is of the same trace. Pure.
 */
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import { type Change, type Finding, finding } from "./Finding.ts"
import { metadataName, type RecordedTrace } from "./RecordedTrace.ts"
import { join } from "./Tree.ts"

/** Declarations only ever come on top. */
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

export class SiblingMetadata {
  readonly #wanting: Array<Wanting> = []
  /** Of each trace the directory whose metadata declares the most. */
  readonly #whole = new Map<string, { readonly path: string; readonly count: number }>()

  /** `isJudged`: nobody writes there. */
  add({ metadata, path, uuid, uuids }: RecordedTrace, isJudged: boolean): void {
    const [found] = metadata.findings
    const count = declarationCount(metadata.traceClass)
    if (found === undefined) {
      if (uuid !== undefined && count > (this.#whole.get(uuid)?.count ?? 0)) this.#whole.set(uuid, { path, count })
      return
    }
    const [only, ...others] = uuids
    // Refused by this program alone: others may read it.
    const isOthers = found.code === "metadata-refused" && found.changes.length === 0
    if (!isJudged || isOthers || only === undefined || others.length > 0 || !lost.has(found.code)) return
    this.#wanting.push({ path, uuid: only, found, declarationCount: count })
  }

  /** What each finding becomes. */
  resolve(read: (path: string) => Uint8Array | undefined): ReadonlyMap<Finding, Finding> {
    const resolved = new Map<Finding, Finding>()
    for (const { declarationCount, found, path, uuid } of this.#wanting) {
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
