/** The types that have a name at one place of the text: those of the braces around it that were declared before. */
import type { Draft } from "../Draft.ts"
import { invalid } from "../MetadataRefused.ts"
import type { Placed } from "./Syntax.ts"

/** Tags have namespaces of their own. */
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
   * `before`: of a word that is a name only behind its declaration. Tags, and words that name types anyway, may be
   * declared at the root after the block that uses them: that is evaluated before all blocks.
   */
  find(name: TypeName, before = Number.POSITIVE_INFINITY): Draft | undefined {
    const found = this.#names.get(keyOf(name))
    return found !== undefined && found.order < before ? found.draft : this.#around?.find(name, before)
  }
}
