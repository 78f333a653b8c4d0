/**
 * Sessions of targets that vanished without a word: the board lost its power, the cable was pulled. Such a session is
 * ended when one of the same host and name has come since, so that viewers of that name do not find the dead one, or
 * when it was silent for very long. What it recorded stays.
 *
 * Only sessions of one host and name are compared: a whole site may vanish and come back at once.
 */
import type { SessionActor } from "./SessionActor.ts"

/** What is looked at of a session. */
export type Mortal = Pick<
  SessionActor,
  "id" | "identity" | "isStalled" | "siblings" | "createdMillis" | "heardMillis" | "abort"
>

/** Whether `young` is the same target's as `old`, in another tracing session: the target began again. */
const succeeds = (young: Mortal, old: Mortal): boolean =>
  young.id > old.id && !(old.siblings as ReadonlySet<Mortal>).has(young) && young.createdMillis >= old.heardMillis

const nameOf = ({ identity: { hostname, sessionName } }: Mortal): string => `${hostname}\n${sessionName}`

export class Vanished {
  readonly #named = new Map<string, Set<Mortal>>()

  /** To be called when a session has begun. */
  begun(session: Mortal): void {
    const name = nameOf(session)
    const namesakes = this.#named.get(name) ?? new Set()
    this.#named.set(name, namesakes.add(session))
    this.look(session)
  }

  /** To be called when a session has ended. */
  ended(session: Mortal): void {
    const name = nameOf(session)
    const namesakes = this.#named.get(name)
    namesakes?.delete(session)
    if (namesakes?.size === 0) this.#named.delete(name)
  }

  /** Ends the stalled sessions of this one's name that have a successor; to be called when it is found stalled. */
  look(session: Mortal): void {
    const namesakes = [...(this.#named.get(nameOf(session)) ?? [])]
    for (const old of namesakes) {
      if (old.isStalled && namesakes.some((young) => succeeds(young, old))) old.abort("target vanished")
    }
  }
}
