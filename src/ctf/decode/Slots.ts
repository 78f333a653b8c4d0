/**
 * Which fields are referred to, and where their values are kept while a packet is decoded: one slot per location,
 * and one more where locations in several options of a variant are one to who refers to them.
 *
 * A location is a scope and the path of a `Reference`. Slots are only ever added: what was compiled with them stays
 * true, what was compiled before a field of its own got one has to be compiled again (`headsVersion`).
 */
import type { FieldClass, Reference, Scope } from "../model/FieldClass.ts"

/** Where a field lies in the packet or the event. */
export interface Place {
  readonly scope: Scope
  /** As the path of a reference. */
  readonly path: string
}

export const root = (scope: Scope): Place => ({ scope, path: "" })
export const below = ({ path, scope }: Place, index: number): Place => ({ scope, path: `${path}.${index}` })

const headScopes: ReadonlySet<Scope> = new Set(["packet-header", "packet-context", "event-record-header"])

const none: ReadonlyArray<number> = []

/** Values of fields that other fields need, by where they lie. */
export class Slots {
  /** By what is referred to: a location, or several. */
  readonly #slots = new Map<string, number>()
  /** By location. */
  readonly #located = new Map<string, ReadonlyArray<number>>()
  /** Every location that has a slot somewhere below. */
  readonly #parents = new Set<string>()
  readonly #collected = new WeakSet<FieldClass>()

  /** How many locations there are in the head of a packet or of an event record, which event classes share. */
  headsVersion = 0

  /** The slot of the field that a reference names; made where there is none. */
  of({ others, path, scope }: Reference): number {
    const keys = [path, ...others].map((one) => this.#keyOf(scope, one))
    const key = keys.join(" ")
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = this.#slots.size
      this.#slots.set(key, slot)
      for (const one of keys) this.#located.set(one, [...(this.#located.get(one) ?? none), slot])
      if (headScopes.has(scope)) this.headsVersion++
    }
    return slot
  }

  #keyOf(scope: Scope, path: ReadonlyArray<number>): string {
    let key: string = scope
    this.#parents.add(key)
    for (const index of path) {
      key += `.${index}`
      this.#parents.add(key)
    }
    return key
  }

  /** The slots of the field at this place. None: nobody refers to it. */
  at({ path, scope }: Place): ReadonlyArray<number> {
    return this.#located.get(scope + path) ?? none
  }

  /** Whether the field at a place, or one in it, is referred to. */
  isWithin({ path, scope }: Place): boolean {
    return this.#parents.has(scope + path)
  }

  /** Those of the field at a place and of all in it. */
  within({ path, scope }: Place): ReadonlyArray<number> {
    const start = scope + path
    const inside = [...this.#located].filter(([key]) => key === start || key.startsWith(`${start}.`))
    return [...new Set(inside.flatMap(([, slots]) => slots))]
  }

  /** Gives slots to all that a class refers to. */
  collect(fieldClass: FieldClass | undefined): void {
    if (fieldClass === undefined || this.#collected.has(fieldClass)) return
    this.#collected.add(fieldClass)
    switch (fieldClass.kind) {
      case "dynamic-string":
      case "dynamic-blob":
        this.of(fieldClass.length)
        break
      case "dynamic-array":
        this.of(fieldClass.length)
        this.collect(fieldClass.element)
        break
      case "static-array":
        this.collect(fieldClass.element)
        break
      case "optional":
        this.of(fieldClass.selector)
        this.collect(fieldClass.content)
        break
      case "variant":
        this.of(fieldClass.selector)
        for (const option of fieldClass.options) this.collect(option.fieldClass)
        break
      case "structure":
        for (const member of fieldClass.members) this.collect(member.fieldClass)
        break
    }
  }
}
