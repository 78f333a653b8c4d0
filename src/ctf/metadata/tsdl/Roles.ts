/**
 * The members of CTF 1.8 that have a meaning by their name (§3.7), some of them mapped to the clock for it (§3.8).
 */
import type { FieldClass, Role } from "../../model/FieldClass.ts"
import type { ClockClass } from "../../model/TraceClass.ts"
import * as Draft from "../Draft.ts"
import { invalid } from "../MetadataRefused.ts"
import type { Placed } from "./Syntax.ts"

const roles = {
  "packet-header": { stream_id: "data-stream-class-id", stream_instance_id: "data-stream-id" },
  "packet-context": {
    packet_size: "packet-total-length",
    content_size: "packet-content-length",
    timestamp_begin: "default-clock-timestamp",
    timestamp_end: "packet-end-default-clock-timestamp",
    events_discarded: "discarded-event-record-counter-snapshot",
    packet_seq_num: "packet-sequence-number"
  },
  "event-record-header": { id: "event-record-class-id", timestamp: "default-clock-timestamp" }
} as const

type NamedScope = keyof typeof roles

const isTimestamp = (role: Role): boolean => role.endsWith("default-clock-timestamp")

/** Roles by shown names, so it does not matter whether there is an underscore before the name. */
const rolesIn = (scope: NamedScope): ReadonlyMap<string, Role> => new Map(Object.entries(roles[scope]))

/** Refuses such members that are not unsigned integers, as readers do; only `timestamp` may be anything. */
const check = (draft: Draft.StructureDraft, scope: NamedScope, place: Placed): void => {
  for (const { name, draft: member } of draft.members) {
    if (!rolesIn(scope).has(name) || name === "timestamp") continue
    if (member.kind !== "leaf" || member.leaf.kind !== "integer") throw invalid(place, `\`${name}\` is not an integer`)
    if (member.leaf.isSigned) throw invalid(place, `\`${name}\` is signed`)
  }
}

/**
 * Gives the integers with these names their roles: members of the root; an event's id also in structures inside it, as
 * in an option (`v.extended.id`); timestamps anywhere, also as options themselves. Elements have no names.
 */
export const assign = (
  draft: Draft.StructureDraft,
  scope: NamedScope,
  /** The clock of a timestamp that is not mapped to one. */
  clockFor: (name: string) => ClockClass,
  place: Placed
): Draft.StructureDraft => {
  check(draft, scope, place)
  const names = rolesIn(scope)
  const roleOf = (name: string, parent: "root" | "structure" | "variant"): Role | undefined => {
    const role = names.get(name)
    if (role === undefined || parent === "root") return role
    if (isTimestamp(role)) return "default-clock-timestamp"
    return scope === "event-record-header" && parent === "structure" ? role : undefined
  }
  const within = (inner: Draft.Draft, role: Role | undefined, name: string): Draft.Draft => {
    switch (inner.kind) {
      case "leaf": {
        if (role === undefined || inner.leaf.kind !== "integer") return inner
        const clock = !isTimestamp(role) ? undefined : ([...inner.clocks][0] ?? clockFor(name))
        return Draft.leaf({ ...inner.leaf, roles: [role] }, { clock })
      }
      case "structure":
        return Draft.structure(members(inner.members, "structure"), inner.minimumAlignment, place)
      case "variant":
        return Draft.variant(members(inner.options, "variant"), inner.selector, inner.place)
      case "array": {
        if (inner.element.kind === "leaf") return inner
        return Draft.array(inner.length, within(inner.element, undefined, ""), inner.minimumAlignment, place)
      }
      default:
        return inner
    }
  }
  const members = <A extends Draft.MemberDraft>(
    inner: ReadonlyArray<A>,
    parent: "root" | "structure" | "variant"
  ): ReadonlyArray<A> =>
    inner.map((member) => ({ ...member, draft: within(member.draft, roleOf(member.name, parent), member.name) }))
  return Draft.structure(members(draft.members, "root"), draft.minimumAlignment, place)
}

const isByte = (draft: Draft.Draft): boolean =>
  draft.kind === "leaf" &&
  draft.leaf.kind === "integer" &&
  draft.leaf.size === 8 &&
  draft.leaf.alignment === 8 &&
  !draft.leaf.isSigned

/** Gives magic number and UUID, which readers of packets check, their roles. */
export const withMagic = (draft: Draft.StructureDraft, place: Placed): Draft.StructureDraft => {
  const members = draft.members.map((member, at): Draft.MemberDraft => {
    const inner = member.draft
    if (member.name === "magic") {
      if (at !== 0 || inner.kind !== "leaf" || inner.leaf.kind !== "integer" || inner.leaf.size !== 32) {
        throw invalid(place, "`magic` must be the first member, an unsigned integer of 32 bits")
      }
      if (inner.leaf.isSigned) throw invalid(place, "`magic` must be unsigned")
      return { ...member, draft: Draft.leaf({ ...inner.leaf, roles: ["packet-magic-number"] }) }
    }
    if (member.name !== "uuid") return member
    if (inner.kind !== "array" || inner.length !== 16 || !isByte(inner.element)) {
      throw invalid(place, "`uuid` must be an array of 16 bytes")
    }
    const blob = { kind: "static-blob", length: 16, mediaType: "application/octet-stream", alignment: 8 } as const
    return { ...member, draft: Draft.leaf({ ...blob, roles: ["metadata-stream-uuid"] }) }
  })
  return Draft.structure(members, draft.minimumAlignment, place)
}

/** Whether an integer in it says the class of an event record. */
export const hasEventId = (fieldClass: FieldClass): boolean => {
  switch (fieldClass.kind) {
    case "integer":
      return fieldClass.roles.includes("event-record-class-id")
    case "structure":
      return fieldClass.members.some((member) => hasEventId(member.fieldClass))
    case "variant":
      return fieldClass.options.some((option) => hasEventId(option.fieldClass))
    case "static-array":
    case "dynamic-array":
      return hasEventId(fieldClass.element)
    default:
      return false
  }
}
