/**
 * Which traces lie below directories: what was recorded of one trace in several directories (chunks, snapshots) is put
 * together, and traces are in babeltrace2's order.
 */
import * as Result from "effect/Result"
import { TracePlan } from "../decode/Plan.ts"
import { parse, parser } from "../metadata/GrowingMetadata.ts"
import type { TraceClass } from "../model/TraceClass.ts"
import { RecordingRefused } from "./RecordingRefused.ts"
import * as TraceDirectories from "./TraceDirectories.ts"

interface Part {
  readonly directory: TraceDirectories.TraceDirectory
  readonly traceClass: TraceClass
}

/** One trace, which may have several directories: chunks, snapshots. */
export interface Trace {
  readonly plan: TracePlan
  readonly parts: ReadonlyArray<Part>
}

/** See `Recording.Options`. */
export interface Options {
  readonly isPartial: boolean
  readonly clockShift: bigint
  readonly code: TracePlan["code"] | undefined
}

/** Directories with the same identity are one trace; undefined: it is a trace by itself. */
const identity = ({ name, namespace, uid }: TraceClass): string | undefined =>
  uid === undefined ? undefined : JSON.stringify([namespace, name, uid])

interface Loaded {
  readonly parts: ReadonlyArray<Part>
  readonly refusals: ReadonlyArray<RecordingRefused>
}

const load = (path: string, { refusals, traces }: TraceDirectories.Found, read: typeof parse): Loaded => {
  if (traces.length === 0 && refusals.length === 0)
    refusals.push(new RecordingRefused(path, "no trace here: no file `metadata`", true))
  const parts = traces.flatMap((directory): ReadonlyArray<Part> => {
    const files = [directory.metadataFile, ...directory.files]
    if (directory.metadata.length === 0) {
      const isNew = directory.files.length === 0
      const state = isNew ? "nothing is recorded yet" : "nothing tells what its data are, or not yet"
      refusals.push(new RecordingRefused(directory.path, `${state}: \`metadata\` is empty`, isNew, files))
      return []
    }
    const parsed = read(directory.metadata)
    if (Result.isSuccess(parsed)) return [{ directory, traceClass: parsed.success }]
    refusals.push(new RecordingRefused(directory.path, parsed.failure.message, false, files))
    return []
  })
  return { parts, refusals }
}

/** Reads the same metadata once, if it says which trace it is of: others that have no name are not the same. */
const shared = (read: typeof parse): typeof parse => {
  const known = new WeakMap<Uint8Array, ReturnType<typeof parse>>()
  return (bytes) => {
    const parsed = known.get(bytes) ?? read(bytes)
    if (Result.isSuccess(parsed) && identity(parsed.success) !== undefined) known.set(bytes, parsed)
    return parsed
  }
}

const loadAll = (paths: ReadonlyArray<string>, { isPartial }: Options): Loaded => {
  const found = paths.map((path) => ({ path, ...TraceDirectories.find(path) }))
  // A lone trace has no other to share classes with.
  const read = found.flatMap(({ traces }) => traces).length > 1 ? shared(parser()) : parse
  const loaded = found.map((one) => load(one.path, one, read))
  // Sorted, so that the order of the arguments does not matter: of equal parts the first one decides.
  const parts = loaded.flatMap((one) => one.parts).sort((a, b) => compareText(a.directory.path, b.directory.path))
  const refusals = loaded.flatMap((one) => one.refusals)
  const [first, ...others] = refusals
  if (first !== undefined && (!isPartial || parts.length === 0)) {
    first.others = others
    throw first
  }
  return { parts, refusals }
}

const classCountOf = ({ traceClass: { dataStreams } }: Part): number =>
  [...dataStreams.values()].reduce((count, { events }) => count + 1 + events.size, 0)

const grouped = (parts: ReadonlyArray<Part>, { clockShift, code }: Options): ReadonlyArray<Trace> => {
  const groups = Map.groupBy(parts, ({ traceClass }, index) => identity(traceClass) ?? index)
  return [...groups.values()].map((own) => {
    // Metadata only grows: that with the most classes has all of the others'. Its bytes tell nothing, with padding.
    const fullest = own.reduce((a, b) => (classCountOf(b) > classCountOf(a) ? b : a))
    const plan = new TracePlan(fullest.traceClass, nameOf(own, fullest.traceClass), code)
    plan.clockShift = clockShift
    return { plan, parts: own }
  })
}

const nameOf = (parts: ReadonlyArray<Part>, { environment }: TraceClass): string | undefined => {
  const [only] = parts
  const below = parts.length === 1 ? only?.directory.below : ""
  const hostname = environment.get("hostname")
  const names = [typeof hostname === "string" ? hostname : "", below ?? ""].filter((name) => name !== "")
  return names.length === 0 ? undefined : names.join("/")
}

const compareText = (a: string | undefined, b: string | undefined): number => {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0)
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** babeltrace2 orders by host and path (`TracePlan.name`), empty if there is neither; not by the metadata's name. */
export const compare = (a: TracePlan, b: TracePlan): number =>
  compareText(a.traceClass.namespace, b.traceClass.namespace) ||
  compareText(a.name ?? "", b.name ?? "") ||
  compareText(a.traceClass.uid, b.traceClass.uid)

/** The data files of a trace in the order of their paths: streams without an id are numbered in that order. */
export const filesOf = ({ parts }: Trace): ReadonlyArray<TraceDirectories.DataFile> =>
  parts.flatMap(({ directory }) => directory.files).sort((a, b) => compareText(a.path, b.path))

/** All traces below `paths`. Throws the first refusal, unless `isPartial` is set and there is a trace. */
export const find = (
  paths: ReadonlyArray<string>,
  options: Options
): { readonly traces: ReadonlyArray<Trace>; readonly refusals: ReadonlyArray<RecordingRefused> } => {
  const { parts, refusals } = loadAll(paths, options)
  return { traces: grouped(parts, options), refusals }
}
