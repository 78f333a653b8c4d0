/**
 * The members of CTF 1.8 that have a meaning by their name (§3.7), some of them mapped to the clock for it (§3.8).
 */
import type { Role } from "../../model/FieldClass.ts"
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

const isTimestamp = (role: Role): boolean => role.endsWith("default-clock-timestamp")

/** With roles of the scope at the integers of these names, however deep (`v.extended.id`). */
export const assign = (
  draft: Draft.StructureDraft,
  scope: keyof typeof roles,
  /** Of a timestamp that is not mapped to one. */
  clockFor: (name: string) => ClockClass,
  place: Placed
): Draft.StructureDraft => {
  const names = new Map<string, Role>(Object.entries(roles[scope]))
  const integer = (inner: Draft.LeafDraft, name: string): Draft.Draft => {
    const role = names.get(name)
    if (role === undefined || inner.leaf.kind !== "integer") return inner
    const clock = !isTimestamp(role) ? undefined : ([...inner.clocks][0] ?? clockFor(name))
    return Draft.leaf({ ...inner.leaf, roles: [role] }, { clock })
  }
  const members = <A extends Draft.MemberDraft>(inner: ReadonlyArray<A>): ReadonlyArray<A> =>
    inner.map((member) => ({ ...member, draft: within(member.draft, member.declaredName) }))
  const within = (inner: Draft.Draft, name: string): Draft.Draft => {
    switch (inner.kind) {
      case "leaf":
        return integer(inner, name)
      case "structure":
        return Draft.structure(members(inner.members), inner.minimumAlignment, place)
      case "variant":
        return Draft.variant(members(inner.options), inner.selector, inner.place)
      case "array":
        return Draft.array(inner.length, within(inner.element, ""), inner.minimumAlignment, place)
      default:
        return inner
    }
  }
  for (const { declaredName, draft: member } of draft.members) {
    const isNumber = member.kind === "leaf" && member.leaf.kind === "integer"
    const isWhole = member.kind === "structure" || member.kind === "variant"
    if (names.has(declaredName) && !isNumber && !isWhole) throw invalid(place, `\`${declaredName}\` is not an integer`)
  }
  return Draft.structure(members(draft.members), draft.minimumAlignment, place)
}

const isByte = (draft: Draft.Draft): boolean =>
  draft.kind === "leaf" &&
  draft.leaf.kind === "integer" &&
  draft.leaf.size === 8 &&
  draft.leaf.alignment === 8 &&
  !draft.leaf.isSigned

/** Magic number and UUID: those of the packet header that are checked. */
export const withMagic = (draft: Draft.StructureDraft, place: Placed): Draft.StructureDraft => {
  const members = draft.members.map((member, at): Draft.MemberDraft => {
    const inner = member.draft
    if (member.declaredName === "magic") {
      if (at !== 0 || inner.kind !== "leaf" || inner.leaf.kind !== "integer" || inner.leaf.size !== 32) {
        throw invalid(place, "`magic` must be the first member, an unsigned integer of 32 bits")
      }
      if (inner.leaf.isSigned) throw invalid(place, "`magic` must be unsigned")
      return { ...member, draft: Draft.leaf({ ...inner.leaf, roles: ["packet-magic-number"] }) }
    }
    if (member.declaredName !== "uuid") return member
    if (inner.kind !== "array" || inner.length !== 16 || !isByte(inner.element)) {
      throw invalid(place, "`uuid` must be an array of 16 bytes")
    }
    const blob = { kind: "static-blob", length: 16, mediaType: "application/octet-stream", alignment: 8 } as const
    return { ...member, draft: Draft.leaf({ ...blob, roles: ["metadata-stream-uuid"] }) }
  })
  return Draft.structure(members, draft.minimumAlignment, place)
}

/** Whether an integer of this name has a role there. */
export const has = (draft: Draft.Draft, name: string): boolean => {
  switch (draft.kind) {
    case "structure":
      return draft.members.some((member) => member.declaredName === name || has(member.draft, name))
    case "variant":
      return draft.options.some((option) => has(option.draft, name))
    default:
      return false
  }
}
