/** Which roles of CTF 2 are allowed in which scope (§5.3 of the decoder's specification). */
import type { Role, Scope } from "../../model/FieldClass.ts"
import type * as Draft from "../Draft.ts"
import { invalid, type Place } from "../MetadataRefused.ts"

const places: Readonly<Record<Role, ReadonlyArray<Scope>>> = {
  "packet-magic-number": ["packet-header"],
  "metadata-stream-uuid": ["packet-header"],
  "data-stream-class-id": ["packet-header"],
  "data-stream-id": ["packet-header"],
  "packet-total-length": ["packet-context"],
  "packet-content-length": ["packet-context"],
  "default-clock-timestamp": ["packet-context", "event-record-header"],
  "packet-end-default-clock-timestamp": ["packet-context"],
  "discarded-event-record-counter-snapshot": ["packet-context"],
  "packet-sequence-number": ["packet-context"],
  "event-record-class-id": ["event-record-header"]
}

const innerOf = (draft: Draft.Draft): ReadonlyArray<Draft.Draft> => {
  switch (draft.kind) {
    case "structure":
      return draft.members.map((member) => member.draft)
    case "variant":
      return draft.options.map((option) => option.draft)
    case "array":
      return [draft.element]
    case "optional":
      return [draft.content]
    default:
      return []
  }
}

export interface Facts {
  readonly hasClock: boolean
  readonly hasUuid: boolean
}

export const check = (root: Draft.StructureDraft, scope: Scope, { hasClock, hasUuid }: Facts, place: Place): void => {
  const seen = new Set<Draft.Draft>()
  const [first] = root.members
  const visit = (draft: Draft.Draft): void => {
    if (seen.has(draft)) return
    seen.add(draft)
    if (draft.kind === "leaf" && "roles" in draft.leaf) {
      for (const role of draft.leaf.roles) {
        if (!places[role].includes(scope)) throw invalid(place, `the role \`${role}\` has no meaning in ${scope}`)
        if (role.endsWith("default-clock-timestamp") && !hasClock) {
          throw invalid(place, `the role \`${role}\` needs a default clock`)
        }
        if (role === "metadata-stream-uuid" && !hasUuid) throw invalid(place, "the preamble has no `uuid`")
        const isMagic = draft === first?.draft && draft.leaf.kind === "integer" && draft.leaf.size === 32
        if (role === "packet-magic-number" && !isMagic) {
          throw invalid(place, "the magic number must be the first member, with 32 bits")
        }
      }
    }
    for (const inner of innerOf(draft)) visit(inner)
  }
  visit(root)
}
