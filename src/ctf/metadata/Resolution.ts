/**
 * Makes field classes of the drafts of one root scope: references become scope and path, alignments explicit, the
 * choices of variants disjoint.
 *
 * A class without references is the same wherever it is used, so it is made once and shared; others are made for each
 * place.
 */
import type {
  FieldClass,
  Integer,
  Mapping,
  Member,
  Option,
  Range,
  Reference,
  Scope,
  Structure,
  VariableInteger,
  Variant
} from "../model/FieldClass.ts"
import { scopes } from "../model/FieldClass.ts"
import type * as Draft from "./Draft.ts"
import { invalid, type Place } from "./MetadataRefused.ts"

/** The root structures of the scopes that are decoded before the one being made. */
export type Earlier = ReadonlyMap<Scope, Structure>

/** A structure, array, optional or variant that is being made: what it has already, and what is being made in it. */
interface Level {
  readonly kind: "structure" | "variant" | "other"
  /** Names of a structure's members or of a TSDL variant's options; else empty. */
  readonly names: ReadonlyArray<string>
  /** The members of a structure that have been made so far; else empty. */
  readonly made: ReadonlyArray<Member>
  /** Index of the member or option that is being made. */
  at: number
}

/** What a written reference leads to. */
interface Target {
  readonly reference: Reference
  /** The class at each of the reference's locations. */
  readonly fieldClasses: readonly [FieldClass, ...Array<FieldClass>]
}

const alignmentOf = (minimum: number, inner: ReadonlyArray<FieldClass>): number =>
  inner.reduce((alignment, { alignment: other }) => Math.max(alignment, other), minimum)

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Choices without overlap, in ascending order: where ranges overlap, the first claim wins. */
const disjoint = (claims: ReadonlyArray<Range & { readonly option: number }>): Variant["choices"] => {
  const byLower = claims.map((claim, order) => ({ ...claim, order })).sort((a, b) => compare(a.lower, b.lower))
  const isApart = byLower.every((claim, at) => {
    const before = byLower[at - 1]
    return before === undefined || before.upper < claim.lower
  })
  if (isApart) return byLower.map(({ lower, upper, option }) => ({ lower, upper, option }))
  const bounds = [...new Set(claims.flatMap(({ lower, upper }) => [lower, upper + 1n]))].sort(compare)
  const pieces: Array<Range & { readonly option: number }> = []
  for (const [at, lower] of bounds.entries()) {
    const next = bounds[at + 1]
    const claim = claims.find((one) => one.lower <= lower && lower <= one.upper)
    if (next === undefined || claim === undefined) continue
    const last = pieces.at(-1)
    if (last?.option === claim.option && last.upper === lower - 1n) pieces.pop()
    const isJoined = last?.option === claim.option && last.upper === lower - 1n
    pieces.push({ lower: isJoined ? last.lower : lower, upper: next - 1n, option: claim.option })
  }
  return pieces
}

type AnyInteger = Integer | VariableInteger

const isInteger = (fieldClass: FieldClass): fieldClass is AnyInteger =>
  fieldClass.kind === "integer" || fieldClass.kind === "variable-integer"

/** The first class, if all are integers and either all or none are signed. */
const integerOf = ([first, ...others]: Target["fieldClasses"]): AnyInteger | undefined => {
  if (!isInteger(first)) return undefined
  return others.every((other) => isInteger(other) && other.isSigned === first.isSigned) ? first : undefined
}

const showPath = (path: ReadonlyArray<string>): string => path.map((name) => `\`${name}\``).join(".")

/** A scope with more classes that contain references is refused: these are made anew for each use. */
const placedMax = 1 << 16

export class Resolver {
  readonly #shared = new WeakMap<Draft.Draft, FieldClass>()
  readonly #areOptionsNamed: boolean
  #placed = 0
  #levels: Array<Level> = []
  #scope: Scope = "packet-header"
  #earlier: Earlier = new Map()

  /** `areOptionsNamed`: paths name the options of variants that they go through, as in TSDL. */
  constructor(areOptionsNamed: boolean) {
    this.#areOptionsNamed = areOptionsNamed
  }

  structure(draft: Draft.StructureDraft, scope: Scope, earlier: Earlier): Structure {
    this.#levels = []
    this.#placed = 0
    this.#scope = scope
    this.#earlier = earlier
    return this.#structure(draft)
  }

  #make(draft: Draft.Draft, place: Place): FieldClass {
    const shared = this.#shared.get(draft)
    if (shared !== undefined) return shared
    if (draft.hasReference && ++this.#placed > placedMax) throw invalid(place, "too many field classes")
    const made = this.#makeNew(draft, place)
    if (!draft.hasReference) this.#shared.set(draft, made)
    return made
  }

  #makeNew(draft: Draft.Draft, place: Place): FieldClass {
    switch (draft.kind) {
      case "leaf":
        return draft.leaf
      case "dynamic-string":
        return { kind: draft.kind, length: this.#length(draft.length), encoding: draft.encoding, alignment: 8 }
      case "dynamic-blob":
        return { kind: draft.kind, length: this.#length(draft.length), mediaType: draft.mediaType, alignment: 8 }
      case "structure":
        return this.#structure(draft, place)
      case "array":
        return this.#array(draft, place)
      case "optional":
        return this.#optional(draft)
      case "variant":
        return this.#variant(draft)
    }
  }

  #structure(draft: Draft.StructureDraft, place: Place = { byte: 0 }): Structure {
    const shared = this.#shared.get(draft)
    if (shared?.kind === "structure") return shared
    const members: Array<Member> = []
    const level: Level = {
      kind: "structure",
      names: draft.members.map(({ declaredName }) => declaredName),
      made: members,
      at: 0
    }
    this.#levels.push(level)
    for (const [at, { name, declaredName, draft: inner }] of draft.members.entries()) {
      level.at = at
      members.push({ name, declaredName, fieldClass: this.#make(inner, place) })
    }
    this.#levels.pop()
    const inner = members.map(({ fieldClass }) => fieldClass)
    const made: Structure = { kind: "structure", members, alignment: alignmentOf(draft.minimumAlignment, inner) }
    if (!draft.hasReference) this.#shared.set(draft, made)
    return made
  }

  /** Makes the content of an array or optional. */
  #inside(draft: Draft.Draft, place: Place): FieldClass {
    this.#levels.push({ kind: "other", names: [], made: [], at: 0 })
    const made = this.#make(draft, place)
    this.#levels.pop()
    return made
  }

  #array(draft: Draft.ArrayDraft, place: Place): FieldClass {
    const length = typeof draft.length === "number" ? draft.length : this.#length(draft.length)
    const element = this.#inside(draft.element, place)
    const alignment = alignmentOf(draft.minimumAlignment, [element])
    return typeof length === "number"
      ? { kind: "static-array", length, element, alignment }
      : { kind: "dynamic-array", length, element, alignment }
  }

  #optional(draft: Draft.OptionalDraft): FieldClass {
    const { reference, fieldClasses } = this.#find(draft.selector)
    const { place } = draft.selector
    if (fieldClasses.every(({ kind }) => kind === "boolean")) {
      if (draft.ranges !== undefined) throw invalid(place, "a boolean selector takes no ranges")
    } else if (integerOf(fieldClasses) === undefined) {
      throw invalid(place, `the selector ${showPath(draft.selector.path)} is neither a boolean nor an integer`)
    } else if (draft.ranges === undefined) {
      throw invalid(place, "an integer selector needs ranges")
    }
    const content = this.#inside(draft.content, place)
    return { kind: "optional", content, selector: reference, ranges: draft.ranges, alignment: 1 }
  }

  #variant({ selector, options: drafts, place }: Draft.VariantDraft): Variant {
    if (selector === undefined) throw invalid(place, "a variant without a tag")
    const { reference, fieldClasses } = this.#find(selector)
    const integer = integerOf(fieldClasses)
    const isByName = drafts.every(({ ranges }) => ranges === undefined)
    if (integer === undefined || (isByName && integer.mappings === undefined)) {
      const wanted = isByName ? "an enumeration" : "an integer"
      throw invalid(selector.place, `the selector ${showPath(selector.path)} is not ${wanted}`)
    }
    const names = isByName ? drafts.map(({ declaredName }) => declaredName) : []
    const level: Level = { kind: "variant", names, made: [], at: 0 }
    this.#levels.push(level)
    const options: Array<Option> = []
    for (const [at, { name, declaredName, draft }] of drafts.entries()) {
      level.at = at
      options.push({ name, declaredName, fieldClass: this.#make(draft, place) })
    }
    this.#levels.pop()
    const choices = isByName
      ? choicesByName(integer.mappings ?? [], drafts)
      : drafts.flatMap(({ ranges = [] }, option) => ranges.map((range) => ({ ...range, option })))
    return { kind: "variant", selector: reference, options, choices: disjoint(choices), alignment: 1 }
  }

  #length(location: Draft.Location): Reference {
    const { reference, fieldClasses } = this.#find(location)
    const integer = integerOf(fieldClasses)
    if (integer === undefined || integer.isSigned) {
      throw invalid(location.place, `the length ${showPath(location.path)} is not an unsigned integer`)
    }
    return reference
  }

  #find(location: Draft.Location): Target {
    const found =
      location.origin !== undefined
        ? this.#fromScope(location.origin, location)
        : location.from === "outwards"
          ? this.#outwards(location)
          : this.#upwards(location, location.from)
    if (found === undefined) {
      throw invalid(location.place, `no field ${showPath(location.path)} before this one`)
    }
    return found
  }

  #fromScope(scope: Scope, location: Draft.Location): Target | undefined {
    if (scope === this.#scope) return this.#descend(0, location)
    const root = this.#earlier.get(scope)
    if (root === undefined) {
      const isLater = scopes.indexOf(scope) > scopes.indexOf(this.#scope)
      throw invalid(location.place, isLater ? `${scope} is decoded later` : `this trace has no ${scope}`)
    }
    return this.#walk({ fieldClass: root, path: [] }, location.path, scope)
  }

  #walk(from: Located, names: ReadonlyArray<string>, scope: Scope): Target | undefined {
    const [first, ...others] = locate(from, names, this.#areOptionsNamed)
    if (first === undefined) return undefined
    return {
      reference: { scope, path: first.path, others: others.map(({ path }) => path) },
      fieldClasses: [first.fieldClass, ...others.map(({ fieldClass }) => fieldClass)]
    }
  }

  #upwards(location: Draft.Location, up: number): Target | undefined {
    const structures = [...this.#levels.keys()].filter((at) => this.#levels[at]?.kind === "structure")
    const start = structures[structures.length - 1 - up]
    if (start === undefined) throw invalid(location.place, "the path leaves its scope")
    return this.#descend(start, location)
  }

  #outwards(location: Draft.Location): Target | undefined {
    const [first] = location.path
    for (let at = this.#levels.length - 1; at >= 0; at--) {
      const level = this.#levels[at]
      if (level?.kind !== "structure") continue
      const index = level.names.indexOf(first ?? "")
      if (index === -1) continue
      // A member that is declared later hides nothing, nor does one in which the path does not go on.
      const isSeen = index < level.at || (index === level.at && location.path.length > 1)
      const found = isSeen ? this.#descend(at, location) : undefined
      if (found !== undefined) return found
    }
    for (const scope of scopes.slice(0, scopes.indexOf(this.#scope)).reverse()) {
      const root = this.#earlier.get(scope)
      const found = root && this.#walk({ fieldClass: root, path: [] }, location.path, scope)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Follows a path from a structure that is being made: to an earlier member, or into the one being made. */
  #descend(start: number, location: Draft.Location): Target | undefined {
    const indexes = this.#levels.slice(0, start).flatMap(({ kind, at }) => (kind === "other" ? [] : [at]))
    let level = start
    for (let step = 0; step < location.path.length; step++) {
      const here = this.#levels[level]
      if (here?.kind !== "structure") return undefined
      const index = here.names.indexOf(location.path[step] ?? "")
      const member = here.made[index]
      if (member !== undefined) {
        const from = { fieldClass: member.fieldClass, path: [...indexes, index] }
        return this.#walk(from, location.path.slice(step + 1), this.#scope)
      }
      if (index === -1 || index !== here.at) return undefined
      indexes.push(index)
      // On through the current element, content or option; TSDL names the latter in the path.
      for (level++; this.#levels[level] !== undefined && this.#levels[level]?.kind !== "structure"; level++) {
        const { at, kind, names } = this.#levels[level] as Level
        if (kind !== "variant") continue
        indexes.push(at)
        if (names[at] !== undefined && names[at] === location.path[step + 1]) step++
      }
    }
    return undefined
  }
}

const choicesByName = (mappings: ReadonlyArray<Mapping>, options: ReadonlyArray<Draft.OptionDraft>) => {
  const indexes = new Map(options.map(({ declaredName }, option) => [declaredName, option]))
  return mappings.flatMap(({ label, ranges }) => {
    const option = indexes.get(label)
    return option === undefined ? [] : ranges.map((range) => ({ ...range, option }))
  })
}

interface Located {
  readonly path: ReadonlyArray<number>
  readonly fieldClass: FieldClass
}

/**
 * All locations that a path leads to: through an optional into its content, through a variant of CTF 2 into each of its
 * options, through one of TSDL into the option that the path names. Empty if the path does not exist in one of them.
 */
const locate = (
  { fieldClass, path }: Located,
  names: ReadonlyArray<string>,
  areOptionsNamed: boolean
): ReadonlyArray<Located> => {
  const [name, ...rest] = names
  if (fieldClass.kind === "optional") return locate({ fieldClass: fieldClass.content, path }, names, areOptionsNamed)
  if (fieldClass.kind === "variant" && !areOptionsNamed) {
    const found = fieldClass.options.map((option, at) =>
      locate({ fieldClass: option.fieldClass, path: [...path, at] }, names, areOptionsNamed)
    )
    return found.some((one) => one.length === 0) ? [] : found.flat()
  }
  if (name === undefined) return [{ fieldClass, path }]
  const inner =
    fieldClass.kind === "structure" ? fieldClass.members : fieldClass.kind === "variant" ? fieldClass.options : []
  const index = inner.findIndex(({ declaredName }) => declaredName === name)
  const found = inner[index]
  return found === undefined
    ? []
    : locate({ fieldClass: found.fieldClass, path: [...path, index] }, rest, areOptionsNamed)
}
