/** Versions of tracers whose packets do not tell when their events were: found by what the trace says of its tracer. */
import type { TraceClass } from "../model/TraceClass.ts"

type Version = readonly [major: bigint, minor: bigint, patch: bigint]

interface Tracer {
  readonly name: string
  readonly version: Version
}

/** Undefined if the trace does not tell. A part of the version that is missing is 0. */
const tracerOf = ({ environment }: TraceClass): Tracer | undefined => {
  const name = environment.get("tracer_name")
  const part = (name: string): bigint | undefined => {
    const value = environment.get(name)
    return typeof value === "bigint" ? value : undefined
  }
  const major = part("tracer_major")
  if (typeof name !== "string" || major === undefined) return undefined
  const patch = part("tracer_patch") ?? part("tracer_patchlevel") ?? 0n
  return { name, version: [major, part("tracer_minor") ?? 0n, patch] }
}

const isBefore = ([major, minor, patch]: Version, [otherMajor, otherMinor, otherPatch]: Version): boolean => {
  if (major !== otherMajor) return major < otherMajor
  return minor === otherMinor ? patch < otherPatch : minor < otherMinor
}

/** Packets may begin after their first events. */
export const hasEarlyEvents = (trace: TraceClass): boolean => {
  const tracer = tracerOf(trace)
  return tracer?.name === "barectf" && isBefore(tracer.version, [2n, 3n, 1n])
}

/** Packets may end before their last events, but not after the next packet's begin. */
export const hasLateEvents = (trace: TraceClass): boolean => {
  const tracer = tracerOf(trace)
  if (tracer?.name === "lttng-ust") return isBefore(tracer.version, [2n, 11n, 0n])
  if (tracer?.name !== "lttng-modules") return false
  const { version } = tracer
  const isMended = version[1] === 9n && !isBefore(version, [2n, 9n, 13n])
  return isBefore(version, [2n, 10n, 10n]) && !isMended
}
