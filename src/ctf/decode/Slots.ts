/**
 * The fields that others refer to, and where their values are kept while a packet is decoded: one slot per location,
 * and one more for each reference that means several locations, in different options of a variant.
 *
 * A location is a scope and the path of a `Reference`. Slots are only ever added: compiled code stays valid, unless a
 * field that it reads gets a slot afterwards. Then it has to be compiled again (`headsVersion`).
 */
import type { FieldClass, Reference, Scope } from "../model/FieldClass.ts"

/** Where a field lies in the packet or the event. */
export interface Place {
  readonly scope: Scope
  /** The path of a reference, with a dot before each index. */
  readonly path: string
}

export const root = (scope: Scope): Place => ({ scope, path: "" })
export const below = ({ path, scope }: Place, index: number): Place => ({ scope, path: `${path}.${index}` })

const headScopes: ReadonlySet<Scope> = new Set(["packet-header", "packet-context", "event-record-header"])

const none: ReadonlyArray<number> = []

/** Values of fields that other fields need, by where they lie. */
export class Slots {
  /** By what a reference means: the key of a location, or of several, separated by spaces. */
  readonly #slots = new Map<string, number>()
  /** By the key of a location: its scope and path. */
  readonly #located = new Map<string, ReadonlyArray<number>>()
  /** The keys of all locations that have a slot themselves or somewhere below. */
  readonly #parents = new Set<string>()
  readonly #collected = new WeakSet<FieldClass>()

  /** How many slots are of fields in the heads of packets and event records, which event classes share. */
  headsVersion = 0

  /** The slot of the field that a reference names; it is made if there is none. */
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

  /** The slots of the field at this place; empty if nobody refers to it. */
  at({ path, scope }: Place): ReadonlyArray<number> {
    return this.#located.get(scope + path) ?? none
  }

  /** Whether the field at a place, or one in it, is referred to. */
  isWithin({ path, scope }: Place): boolean {
    return this.#parents.has(scope + path)
  }

  /** The slots of the field at a place and of all fields in it. */
  within({ path, scope }: Place): ReadonlyArray<number> {
    const start = scope + path
    const inside = [...this.#located].filter(([key]) => key === start || key.startsWith(`${start}.`))
    return [...new Set(inside.flatMap(([, slots]) => slots))]
  }

  /** Gives slots to all fields that a class, or one inside it, refers to. */
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
