/**
 * Who owns a journal, and what it waits for. Its edge needs the right to record its sessions under the access rules
 * that are in force now. A right that was withdrawn may be granted again, so the journal waits for it and is not
 * refused.
 */
import type { Incident } from "../../errors/Report.ts"
import { clearTimeout, queueMicrotask, setTimeout } from "../../Machine.ts"
import { networkOf } from "../../protocol/Addresses.ts"
import { Party, type Permissions } from "../../relay/party/Party.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import type { Peer } from "../../transport/Peer.ts"

/** Who waits for rights looks again. */
const againMillis = 1000

export interface Options {
  readonly permissions: Permissions
  readonly edge: Pick<Peer, "name" | "certificate">
  readonly sessions: () => ReadonlyArray<SessionActor>
  /** The journal begins to wait, for this reason. */
  readonly onWait: (why: Incident) => void
  /** The journal may go on. */
  readonly onGood: () => void
}

const addressOf = (name: string): string => name.slice(0, name.lastIndexOf(":"))

/** The edge's principals by the access rules; without rules, its certificate's key, or else its network. */
export const ownerOf = ({ certificate, name }: Options["edge"], rightsOf: Permissions["rightsOf"]): string => {
  const rights = rightsOf?.({ address: addressOf(name), certificate })
  if (rights !== undefined) return rights.bounds.map(({ principal }) => principal).join(", ")
  if (certificate === undefined) return `address ${networkOf(addressOf(name))}`
  return `key ${certificate.keyHash || certificate.subject}`
}

export class Standing {
  readonly #options: Options
  /** Whose rights count: as it came last. */
  readonly edge: { name: string; certificate: Peer["certificate"] }
  #owner: string
  #ownerRules: Permissions["rightsOf"]
  readonly #party: Party
  #rules: Permissions["rightsOf"]
  #isKnown = false
  #isGood = true
  #timer: NodeJS.Timeout | undefined
  /** What the journal waits for at this relay; undefined: at most for its edge, or a disk. */
  waiting: Incident | undefined

  constructor(options: Options) {
    const { certificate, name } = options.edge
    this.#options = options
    this.edge = { name, certificate }
    this.#ownerRules = options.permissions.rightsOf
    this.#owner = ownerOf(this.edge, this.#ownerRules)
    this.#party = new Party(options.permissions, this.edge)
  }

  /** The edge is there again, perhaps with another certificate, or from another address. */
  comesBy({ certificate, name }: Options["edge"]): void {
    this.edge.name = name
    this.edge.certificate = certificate
    this.#isKnown = false
    this.#owner = ownerOf(this.edge, this.#ownerRules)
  }

  /** Whose it is, by the rules that are in force. */
  get owner(): string {
    const { rightsOf } = this.#options.permissions
    if (rightsOf !== this.#ownerRules) {
      this.#ownerRules = rightsOf
      this.#owner = ownerOf(this.edge, rightsOf)
    }
    return this.#owner
  }

  /** Why its edge may bring no session at all. */
  get refusal(): Incident | undefined {
    if (this.#party.mayRecordAny) return undefined
    return { code: "SESSION_NOT_PERMITTED", detail: `${this.edge.name}, ${this.#party.principals}: any session` }
  }

  /** So much of its journal is kept on the disk. */
  keeps(token: string, byteCount: number): void {
    this.#party.keeps(token, byteCount)
  }

  readonly waitsFor = (why: Incident | undefined): void => {
    const isNews = why !== undefined && why.code !== this.waiting?.code
    this.waiting = why
    if (isNews) this.#options.onWait(why)
  }

  get isGood(): boolean {
    const { rightsOf } = this.#options.permissions
    if (!this.#isKnown || rightsOf !== this.#rules) {
      this.#isKnown = true
      this.#rules = rightsOf
      this.#look()
    }
    return this.#isGood
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #look(): void {
    const forbidden = this.#options.sessions().find(({ identity }) => !this.#party.mayRecord(identity))
    clearTimeout(this.#timer)
    if (forbidden === undefined) {
      if (this.#isGood) return
      this.#isGood = true
      this.waitsFor(undefined)
      // Not now: who asked is in the middle of something.
      queueMicrotask(this.#options.onGood)
      return
    }
    this.#isGood = false
    this.#timer = setTimeout(this.#lookAgain, againMillis)
    const { hostname, sessionName } = forbidden.identity
    const detail = `${this.edge.name}, ${this.#party.principals}: ${JSON.stringify({ sessionName, hostname })}`
    this.waitsFor({ code: "SESSION_NOT_PERMITTED", detail })
  }

  readonly #lookAgain = (): void => {
    if (this.isGood) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#lookAgain, againMillis)
  }
}
