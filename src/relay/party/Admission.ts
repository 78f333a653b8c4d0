/**
 * Who may make a session: the protocol's rules for names (storage.md §2.6), and those that a relay is given besides
 * (hosts, quotas, draining). Asked before anything of the session exists.
 */
import { Effect } from "effect"
import type { Incident } from "../../errors/Report.ts"
import { isSafeBasePath, isSafeName, type OutputGrouping, type SessionNaming, sessionPath } from "../../model/Path.ts"
import type { Party } from "./Party.ts"

/** A session that is asked for. */
export interface Application {
  readonly sessionName: string
  readonly hostname: string
  readonly basePath: string
  /** False for peers older than 2.4, whose sessions have no names. */
  readonly isNamed: boolean
  /** `address:port` of the target. */
  readonly peer: string
  readonly party: Party
  /** An edge brings it, and can wait. */
  readonly isCarried: boolean
}

/** Answers why not; undefined: it has nothing against it. Waits for nothing. */
export type Rule = (application: Application) => Incident | undefined

const shown = ({ sessionName, hostname, basePath }: Application) => JSON.stringify({ sessionName, hostname, basePath })

const safeNames: Rule = (application) => {
  const { sessionName, hostname, isNamed } = application
  if (!isNamed || (isSafeName(sessionName) && isSafeName(hostname))) return undefined
  return { code: "SESSION_NAME_UNSAFE", detail: shown(application) }
}

const safeBasePath: Rule = (application) =>
  isSafeBasePath(application.basePath) ? undefined : { code: "SESSION_PATH_UNSAFE", detail: shown(application) }

/** Looks at names only, never at what exists: a refusal tells nobody what there is. */
export const permitted =
  (grouping: OutputGrouping): Rule =>
  ({ basePath, hostname, party, peer, sessionName }) => {
    // By session, what the target chooses lies in the session's own directory.
    const isInto = grouping === "host" && basePath !== ""
    const mayRecord = party.mayRecord({ hostname, sessionName }) && (!isInto || party.mayRecordInto(hostname, basePath))
    const shown = JSON.stringify({ sessionName, hostname, ...(isInto && { basePath }) })
    return mayRecord ? undefined : { code: "SESSION_NOT_PERMITTED", detail: `${peer}, ${party.principals}: ${shown}` }
  }

export const withinQuota: Rule = ({ hostname, party, sessionName }) => {
  const refusal = party.sessionRefusal
  return refusal && { ...refusal, detail: `${refusal.detail}: ${JSON.stringify({ sessionName, hostname })}` }
}

/** Why no relay takes such names, whatever its own rules. */
export const namesRefusal: Rule = (application) => safeNames(application) ?? safeBasePath(application)

export class Admission {
  readonly #rules = new Set<Rule>([namesRefusal])

  /** Adds a rule; answers how to take it back. */
  add(rule: Rule): () => void {
    this.#rules.add(rule)
    return () => void this.#rules.delete(rule)
  }

  /** Of the first rule that has something against it. */
  refusalOf(application: Application): Incident | undefined {
    for (const rule of this.#rules) {
      const refusal = rule(application)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }
}

export const outputPath = (naming: SessionNaming, grouping: OutputGrouping): Effect.Effect<string, Incident> => {
  const path = sessionPath(naming, grouping)
  return path === undefined
    ? Effect.fail({ code: "SESSION_PATH_LONG", detail: `${naming.hostname}/${naming.basePath}` })
    : Effect.succeed(path)
}
