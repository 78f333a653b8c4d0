/** The named types that can be used at one place of the text: those declared before in the braces around it. */
import type { Draft } from "../Draft.ts"
import { invalid } from "../MetadataRefused.ts"
import type { Placed } from "./Syntax.ts"

/** Tags of structures, variants and enumerations have namespaces of their own. */
export type TypeName = { readonly space: "type" | "struct" | "variant" | "enum"; readonly name: string }

const keyOf = ({ space, name }: TypeName): string => `${space} ${name}`

export class TypeScope {
  readonly #around: TypeScope | undefined
  readonly #names = new Map<string, { readonly draft: Draft; readonly order: number }>()

  constructor(around: TypeScope | undefined) {
    this.#around = around
  }

  declare(name: TypeName, draft: Draft, place: Placed): void {
    const key = keyOf(name)
    if (this.#names.has(key)) throw invalid(place, `\`${name.name}\` is declared twice`)
    this.#names.set(key, { draft, order: place.order })
  }

  /**
   * Finds a type by its name. `before`: the order of the place that uses it, if a declaration must come first. Tags and
   * basic words may be declared at the root after the block that uses them: the root is evaluated before all blocks.
   */
  find(name: TypeName, before = Number.POSITIVE_INFINITY): Draft | undefined {
    const found = this.#names.get(keyOf(name))
    return found !== undefined && found.order < before ? found.draft : this.#around?.find(name, before)
  }
}
