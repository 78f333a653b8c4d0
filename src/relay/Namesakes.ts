/**
 * What ended sessions have received, for as long as others of the same host and name go on (a tracing session has one
 * for each tracing domain). So a sum by name never goes down while there is a session of that name. Pure.
 */
import type { Ended } from "./Status.ts"
import type { Identity } from "./session/Identity.ts"
import * as Totals from "./Totals.ts"

interface Name extends Ended {
  readonly channels: Map<string, Totals.Totals>
  stallCount: number
  livingCount: number
}

type Named = Pick<Identity, "hostname" | "sessionName">

const keyOf = ({ hostname, sessionName }: Named): string => `${hostname}\n${sessionName}`

export class Namesakes {
  readonly #names = new Map<string, Name>()

  begin(named: Named): void {
    const { hostname, sessionName: name } = named
    const known = this.#names.get(keyOf(named)) ?? {
      hostname,
      name,
      channels: new Map(),
      stallCount: 0,
      livingCount: 0
    }
    known.livingCount++
    this.#names.set(keyOf(named), known)
  }

  /** The session has ended: all its streams are closed. */
  end(named: Named, closed: ReadonlyMap<string, Totals.Totals>, stallCount: number): void {
    const known = this.#names.get(keyOf(named))
    if (known === undefined) return
    if (--known.livingCount === 0) {
      this.#names.delete(keyOf(named))
      return
    }
    known.stallCount += stallCount
    for (const [channel, totals] of closed) Totals.addTo(known.channels, channel, totals)
  }

  get ended(): ReadonlyArray<Ended> {
    return [...this.#names.values()].filter(({ channels, stallCount }) => channels.size > 0 || stallCount > 0)
  }
}
