/** How many bits a field of a class takes: exactly, where the class alone decides it, and at least. */
import type { FieldClass } from "../model/FieldClass.ts"

export const roundUp = (bits: number, alignment: number): number =>
  alignment <= 1 ? bits : Math.ceil(bits / alignment) * alignment

const repeated = (bits: number, alignment: number, count: number): number =>
  count === 0 ? 0 : roundUp(bits, alignment) * (count - 1) + bits

/** Computed once for each class. */
const once = <A>(compute: (fieldClass: FieldClass) => A): ((fieldClass: FieldClass) => A) => {
  const known = new WeakMap<FieldClass, { readonly value: A }>()
  return (fieldClass) => {
    const found = known.get(fieldClass) ?? { value: compute(fieldClass) }
    known.set(fieldClass, found)
    return found.value
  }
}

/**
 * The bits of a field from its aligned start, if its class alone decides them. Undefined, too, if it contains a field
 * with a role, one that is not in whole aligned bytes, or one that may be ill-formed.
 */
export const fixedBits = once((fieldClass): number | undefined => {
  switch (fieldClass.kind) {
    case "integer":
      if (fieldClass.roles.length > 0) return undefined
      return fieldClass.alignment >= 8 && fieldClass.size % 8 === 0 ? fieldClass.size : undefined
    case "bit-array":
    case "bit-map":
    case "boolean":
    case "float":
      return fieldClass.alignment >= 8 && fieldClass.size % 8 === 0 ? fieldClass.size : undefined
    case "static-string":
      return fieldClass.encoding === "utf-8" ? fieldClass.length * 8 : undefined
    case "static-blob":
      return fieldClass.roles.length > 0 ? undefined : fieldClass.length * 8
    case "structure": {
      let at = 0
      for (const { fieldClass: member } of fieldClass.members) {
        const bits = fixedBits(member)
        if (bits === undefined) return undefined
        at = roundUp(at, member.alignment) + bits
      }
      return at
    }
    case "static-array": {
      const bits = fixedBits(fieldClass.element)
      return bits === undefined ? undefined : repeated(bits, fieldClass.element.alignment, fieldClass.length)
    }
    default:
      return undefined
  }
})

/** The fewest bits that a field of the class can take, without padding. */
export const leastBits = once((fieldClass): number => {
  switch (fieldClass.kind) {
    case "integer":
    case "bit-array":
    case "bit-map":
    case "boolean":
    case "float":
      return fieldClass.size
    case "variable-integer":
    case "string":
      return 8
    case "static-string":
    case "static-blob":
      return fieldClass.length * 8
    case "structure":
      return fieldClass.members.reduce((bits, member) => bits + leastBits(member.fieldClass), 0)
    case "static-array":
      return fieldClass.length * leastBits(fieldClass.element)
    case "variant":
      return fieldClass.options.reduce((bits, option) => Math.min(bits, leastBits(option.fieldClass)), 64)
    default:
      return 0
  }
})

/** A field that takes more visits is refused: no tracer writes such, and each visit would take memory. */
export const emptyVisitsMax = 2 ** 21

/** Fields visited in one of the class. An array counts as one if its elements take bits: the packet bounds those. */
export const emptyVisits = once((fieldClass): number => {
  if (fieldClass.kind === "static-array") {
    return leastBits(fieldClass.element) > 0 ? 1 : 1 + fieldClass.length * emptyVisits(fieldClass.element)
  }
  if (fieldClass.kind === "structure") {
    return fieldClass.members.reduce((visits, member) => visits + emptyVisits(member.fieldClass), 1)
  }
  return 1
})

/** How many elements without any bits a field has in arrays whose length the class says. */
export const emptyElements = once((fieldClass): number => {
  switch (fieldClass.kind) {
    case "structure":
      return fieldClass.members.reduce((count, member) => count + emptyElements(member.fieldClass), 0)
    case "static-array": {
      const own = leastBits(fieldClass.element) === 0 ? 1 : 0
      return fieldClass.length === 0 ? 0 : fieldClass.length * (own + emptyElements(fieldClass.element))
    }
    default:
      return 0
  }
})
