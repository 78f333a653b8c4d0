/** Heap snapshots of the runtime, compared: of what there is more, by constructor. */
import { readFileSync } from "node:fs"

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: ReadonlyArray<string>
      readonly node_types: ReadonlyArray<ReadonlyArray<string> | string>
    }
  }
  readonly nodes: ReadonlyArray<number>
  readonly strings: ReadonlyArray<string>
}

export interface Kept {
  readonly count: number
  readonly byteCount: number
}

export interface Growth extends Kept {
  readonly name: string
}

/** Compiled code and its maps belong to functions, which are there once. */
const unnamed: ReadonlySet<string> = new Set([
  "string",
  "concatenated string",
  "sliced string",
  "number",
  "code",
  "array"
])

/** What a snapshot holds, by constructor; strings, code and arrays each in one. */
export const read = (file: string): ReadonlyMap<string, Kept> => {
  const { nodes, snapshot, strings } = JSON.parse(readFileSync(file, "utf8")) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [typeAt, nameAt, sizeAt] = ["type", "name", "self_size"].map((field) => fields.indexOf(field)) as [
    number,
    number,
    number
  ]
  const typeNames = types[typeAt] as ReadonlyArray<string>
  const kept = new Map<string, Kept>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    const type = typeNames[nodes[at + typeAt] as number] ?? ""
    const name = unnamed.has(type) ? `(${type})` : `${type} ${strings[nodes[at + nameAt] as number] ?? ""}`.slice(0, 80)
    const before = kept.get(name) ?? { count: 0, byteCount: 0 }
    kept.set(name, { count: before.count + 1, byteCount: before.byteCount + (nodes[at + sizeAt] as number) })
  }
  return kept
}

/** Of what there is more in the second, most first. */
export const grown = (before: ReadonlyMap<string, Kept>, after: ReadonlyMap<string, Kept>): ReadonlyArray<Growth> =>
  [...after]
    .map(([name, { byteCount, count }]) => {
      const old = before.get(name) ?? { count: 0, byteCount: 0 }
      return { name, count: count - old.count, byteCount: byteCount - old.byteCount }
    })
    .filter(({ byteCount, count }) => count > 0 || byteCount > 0)
    .sort((a, b) => b.byteCount - a.byteCount)
