/**
 * Field classes as they were declared: references are still as they were written, since what they mean depends on where
 * the class is used. A draft may be used at many places (an alias); `Resolution` makes field classes of it.
 */
import type * as FieldClass from "../model/FieldClass.ts"
import { depthMax } from "../model/FieldClass.ts"
import type { ClockClass } from "../model/TraceClass.ts"
import { invalid, type Place } from "./MetadataRefused.ts"

/** A reference as written. */
export interface Location {
  /** The scope whose root the path begins at; undefined: it begins at a structure around the reference. */
  readonly origin: FieldClass.Scope | undefined
  /** Structures to go up first. `outwards` (TSDL): to the nearest that has the first name, else to earlier scopes. */
  readonly from: number | "outwards"
  readonly path: ReadonlyArray<string>
  readonly place: Place
}

export type Leaf =
  | FieldClass.BitArray
  | FieldClass.BitMap
  | FieldClass.Bool
  | FieldClass.Integer
  | FieldClass.VariableInteger
  | FieldClass.Float
  | FieldClass.NullTerminatedString
  | FieldClass.StaticString
  | FieldClass.StaticBlob

interface Common {
  /** Number of nested classes down to the deepest leaf. */
  readonly depth: number
  readonly hasReference: boolean
  /** The clocks that integers in it are mapped to (CTF 1.8). */
  readonly clocks: ReadonlySet<ClockClass>
}

export interface LeafDraft extends Common {
  readonly kind: "leaf"
  readonly leaf: Leaf
  /** An integer of CTF 1.8 that is a character: arrays of it are text. */
  readonly isCharacter: boolean
}

export interface DynamicDraft extends Common {
  readonly kind: "dynamic-string" | "dynamic-blob"
  readonly length: Location
  readonly encoding: FieldClass.Encoding
  readonly mediaType: string
}

export interface MemberDraft {
  readonly name: string
  readonly declaredName: string
  readonly draft: Draft
}

export interface StructureDraft extends Common {
  readonly kind: "structure"
  readonly members: ReadonlyArray<MemberDraft>
  readonly minimumAlignment: number
}

export interface ArrayDraft extends Common {
  readonly kind: "array"
  readonly length: number | Location
  readonly element: Draft
  readonly minimumAlignment: number
}

export interface OptionalDraft extends Common {
  readonly kind: "optional"
  readonly content: Draft
  readonly selector: Location
  readonly ranges: ReadonlyArray<FieldClass.Range> | undefined
}

export interface OptionDraft extends MemberDraft {
  /** Undefined: the values of the selector's label that has the option's name (TSDL). */
  readonly ranges: ReadonlyArray<FieldClass.Range> | undefined
}

export interface VariantDraft extends Common {
  readonly kind: "variant"
  /** Undefined: a variant of TSDL that was named without a tag. */
  readonly selector: Location | undefined
  readonly options: ReadonlyArray<OptionDraft>
  readonly place: Place
}

export type Draft = LeafDraft | DynamicDraft | StructureDraft | ArrayDraft | OptionalDraft | VariantDraft

const noClocks: ReadonlySet<ClockClass> = new Set()

const around = (inner: ReadonlyArray<Draft>, hasReference: boolean, place: Place): Common => {
  let depth = 0
  let refers = hasReference
  let clocks = noClocks
  for (const draft of inner) {
    depth = Math.max(depth, draft.depth)
    refers ||= draft.hasReference
    if (draft.clocks.size > 0) clocks = clocks.size === 0 ? draft.clocks : new Set([...clocks, ...draft.clocks])
  }
  if (depth >= depthMax) throw invalid(place, `fields nested more than ${depthMax} deep`)
  return { depth: depth + 1, hasReference: refers, clocks }
}

export const leaf = (
  fieldClass: Leaf,
  { isCharacter = false, clock }: { readonly isCharacter?: boolean; readonly clock?: ClockClass | undefined } = {}
): LeafDraft => ({
  kind: "leaf",
  leaf: fieldClass,
  isCharacter,
  depth: 1,
  hasReference: false,
  clocks: clock === undefined ? noClocks : new Set([clock])
})

export const dynamicString = (length: Location, encoding: FieldClass.Encoding): DynamicDraft => ({
  kind: "dynamic-string",
  length,
  encoding,
  mediaType: "",
  depth: 1,
  hasReference: true,
  clocks: noClocks
})

export const dynamicBlob = (length: Location, mediaType: string): DynamicDraft => ({
  ...dynamicString(length, "utf-8"),
  kind: "dynamic-blob",
  mediaType
})

const draftsOf = (members: ReadonlyArray<MemberDraft>): ReadonlyArray<Draft> => members.map(({ draft }) => draft)

export const structure = (
  members: ReadonlyArray<MemberDraft>,
  minimumAlignment: number,
  place: Place
): StructureDraft => ({ kind: "structure", members, minimumAlignment, ...around(draftsOf(members), false, place) })

export const array = (
  length: number | Location,
  element: Draft,
  minimumAlignment: number,
  place: Place
): ArrayDraft => ({
  kind: "array",
  length,
  element,
  minimumAlignment,
  ...around([element], typeof length !== "number", place)
})

export const optional = (
  content: Draft,
  selector: Location,
  ranges: OptionalDraft["ranges"],
  place: Place
): OptionalDraft => ({ kind: "optional", content, selector, ranges, ...around([content], true, place) })

export const variant = (
  options: ReadonlyArray<OptionDraft>,
  selector: Location | undefined,
  place: Place
): VariantDraft => ({ kind: "variant", options, selector, place, ...around(draftsOf(options), true, place) })
