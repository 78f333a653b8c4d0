/**
 * Sessions of targets that vanished without a word: the board lost its power, the cable was pulled. Such a session is
 * ended when one of the same host and name has come since, so that viewers of that name do not find the dead one, or
 * when it was silent for very long. What it recorded stays.
 */
import type { SessionActor } from "./SessionActor.ts"

/** Whether `young` is the same target's as `old`, in another tracing session: the target began again. */
const succeeds = (young: SessionActor, old: SessionActor): boolean =>
  young.id > old.id &&
  young.identity.hostname === old.identity.hostname &&
  young.identity.sessionName === old.identity.sessionName &&
  !old.siblings.has(young) &&
  young.createdMillis >= old.heardMillis

/** Ends stalled sessions that have a successor. To be called when a session is found stalled, and when one begins. */
export const endVanished = (sessions: Iterable<SessionActor>): void => {
  const all = [...sessions]
  for (const old of all) {
    if (old.isStalled && all.some((young) => succeeds(young, old))) old.abort("target vanished")
  }
}
