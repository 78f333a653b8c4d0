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
  "identity" | "isStalled" | "siblings" | "createdMillis" | "heardMillis" | "abort"
>

/** Whether `young`, which has begun later, is the same target's in another tracing session: the target began again. */
const succeeds = (young: Mortal, old: Mortal): boolean =>
  young.createdMillis >= old.heardMillis && !(old.siblings as ReadonlySet<Mortal>).has(young)

const end = (session: Mortal): void => session.abort("target vanished")

const nameOf = ({ identity: { hostname, sessionName } }: Mortal): string => `${hostname}\n${sessionName}`

export class Vanished {
  /** In the order in which they have begun: ids may be in none (`model/Serial`). */
  readonly #named = new Map<string, Set<Mortal>>()

  /** To be called when a session has begun: ends the stalled ones that it succeeds. */
  begun(session: Mortal): void {
    const name = nameOf(session)
    const namesakes = this.#named.get(name) ?? new Set()
    this.#named.set(name, namesakes.add(session))
    for (const old of namesakes) if (old !== session && old.isStalled && succeeds(session, old)) end(old)
  }

  /** To be called when a session has ended. */
  ended(session: Mortal): void {
    const name = nameOf(session)
    const namesakes = this.#named.get(name)
    namesakes?.delete(session)
    if (namesakes?.size === 0) this.#named.delete(name)
  }

  /** Ends the session if it has a successor; to be called when it is found stalled. */
  look(session: Mortal): void {
    if (!session.isStalled) return
    // All of a name may fall silent at once: only those are looked at that may be a successor, the newest first.
    for (const young of [...(this.#named.get(nameOf(session)) ?? [])].reverse()) {
      if (young === session || young.createdMillis < session.heardMillis) return
      if (!succeeds(young, session)) continue
      end(session)
      return
    }
  }
}
