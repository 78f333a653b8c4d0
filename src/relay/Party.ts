/**
 * Who is at the other end of a connection, and what it may do: all that is asked of the relay's access rules goes by
 * here. Rules may change while it is connected: what they say now counts.
 */
import type { StreamActor } from "./stream/StreamActor.ts"

/** A session's names, as its target gave them. */
export interface Names {
  readonly hostname: string
  readonly sessionName: string
}

export interface Identity {
  readonly address: string
  readonly certificate:
    | { readonly subject: string; readonly alternativeNames: ReadonlyArray<string>; readonly keyHash: string }
    | undefined
}

export interface Rights {
  readonly mayRecord: (names: Names) => boolean
  readonly mayView: (names: Names) => boolean
}

/** The rules in force; undefined: everybody may do everything. */
export interface Permissions {
  rightsOf: ((identity: Identity) => Rights) | undefined
}

/** The socket's `address:port`, without the port. */
const addressOf = (peer: string) => peer.slice(0, peer.lastIndexOf(":"))

export class Party {
  readonly #permissions: Permissions
  readonly #identity: Identity
  #rules: Permissions["rightsOf"]
  #rights: Rights | undefined
  /** The session last found to be the party's own. */
  #recorded: object | undefined

  constructor(
    permissions: Permissions,
    peer: { readonly name: string; readonly certificate: Identity["certificate"] }
  ) {
    this.#permissions = permissions
    this.#identity = { address: addressOf(peer.name), certificate: peer.certificate }
  }

  mayRecord(names: Names): boolean {
    return this.#current?.mayRecord(names) ?? true
  }

  mayView(names: Names): boolean {
    return this.#current?.mayView(names) ?? true
  }

  /** Any connection may name any stream; one that it may not record is to it as if it were not there. */
  stream(streams: ReadonlyMap<number, StreamActor>, handle: bigint): StreamActor | undefined {
    const stream = streams.get(Number(handle))
    if (stream === undefined || this.#permissions.rightsOf === undefined) return stream
    if (this.#rules === this.#permissions.rightsOf && this.#recorded === stream.session) return stream
    if (!this.mayRecord(stream.session.identity)) return undefined
    this.#recorded = stream.session
    return stream
  }

  get #current(): Rights | undefined {
    const { rightsOf } = this.#permissions
    if (rightsOf !== this.#rules) {
      this.#rules = rightsOf
      this.#rights = rightsOf?.(this.#identity)
      this.#recorded = undefined
    }
    return this.#rights
  }
}
