/**
 * Tells the operator (JOURNAL_CHANGED) which files of a restored journal have lost bytes: they were shorter than its
 * history says, and zeros stand for the rest (`Blanks`).
 *
 * The earlier relay may have shortened a file itself after its last mark, on a command that its edge will bring again.
 * So nothing is told before the edge has brought again all that it had heard by the time it came.
 */
import type { Registry } from "../../relay/Registry.ts"

interface Of {
  readonly edgeName: string
  readonly durable: number
  readonly report: { readonly last: bigint } | undefined
}

export class Lacking {
  readonly #registry: Registry["Service"]
  readonly #directories: ReadonlySet<string>
  /** The record up to which the earlier relay may have got: the edge's last when it came. */
  #until: bigint | undefined

  constructor(registry: Registry["Service"], directories: ReadonlySet<string>) {
    this.#registry = registry
    this.#directories = directories
  }

  look(journal: Of): void {
    if (this.#registry.store.retraceable.blanks.isEmpty || journal.report === undefined) return
    this.#until ??= journal.report.last
    if (journal.durable >= this.#until) this.tell(journal)
  }

  /** Its edge may yet come: what is beside the names tells whoever goes on with it. */
  rest(): void {
    this.#take()
  }

  #take() {
    const { blanks } = this.#registry.store.retraceable
    const all = blanks.within(this.#directories)
    for (const { path } of all) blanks.remove(path)
    return all
  }

  /** Whatever is zeros now remains so. */
  tell({ edgeName }: Pick<Of, "edgeName">): void {
    const { background, incidents, store } = this.#registry
    const all = this.#take()
    const [first] = all
    if (first === undefined) return
    const others = all.length === 1 ? "" : `; ${all.length - 1} more likewise`
    const shown = `${first.path.slice(store.output.length + 1)} had ${first.found} bytes of ${first.size}`
    background(incidents.report("JOURNAL_CHANGED", `${edgeName}: ${shown}, zeros stand for the rest${others}`))
  }
}
