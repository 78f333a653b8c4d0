/**
 * Who is at the other end of a connection, and what it may do. All questions to the access rules are asked here, and
 * answered by the rules in force at that moment, which may have changed since it connected.
 */
import { Effect } from "effect"
import type { Incident } from "../../errors/Report.ts"
import { clockMillis, queueMicrotask } from "../../Machine.ts"
import { sessionNamesOf } from "../../model/Path.ts"
import type { HeldSession } from "../session/Identity.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import {
  type Allowance,
  type Allowances,
  directoryCountMax,
  principalText,
  type Quota,
  type Share
} from "./Allowances.ts"
import type { Debtor } from "./Debtors.ts"
import type { Names } from "./Viewpoint.ts"

export interface Identity {
  readonly address: string
  readonly certificate:
    | { readonly subject: string; readonly alternativeNames: ReadonlyArray<string>; readonly keyHash: string }
    | undefined
}

export interface Rights {
  readonly mayRecord: (names: Names) => boolean
  readonly mayRecordAny: boolean
  readonly mayView: (names: Names) => boolean
  readonly mayViewAll: boolean
  readonly mayAdminister: boolean
  /** Of each principal that it is. */
  readonly bounds: ReadonlyArray<Quota>
}

/** The rules in force; undefined: everybody may do everything. */
export interface Permissions {
  rightsOf: ((identity: Identity) => Rights) | undefined
  readonly allowances: Allowances
}

/** Name and certificate may change meanwhile: an edge comes again from another address, or with another one. */
interface Peer {
  readonly name: string
  readonly certificate: Identity["certificate"]
  /** It comes by an edge, whose own connection is what is counted. */
  readonly carried?: {
    /** Whether it brought the session. */
    readonly brought: (sessionId: number) => boolean
    /** Its sessions were admitted, and counted, by an earlier relay. */
    readonly isReplayed: boolean
  }
}

const readBytesMin = 4096
const readSeconds = 0.02

/** Consumers fill packets up to whole pages: so much may become of each byte of a live session at rest. */
const fillRatio = 36
/** The largest pages that Linux has. */
const pageBytesMax = 65_536
/** Zeros may go beyond the bytes on disk by this much, or this part of them, until there is a look at the disk. */
const zerosBeyondMin = 256 * 1024
const zerosBeyondShare = 0.05

/** Names the principal too: behind a balancer or a tunnel many come from one address. */
const refused = (code: Incident["code"], from: string, { principal }: Quota, what: string): Incident => ({
  code,
  detail: `${from}, ${principalText(principal)}: ${what}`
})

const diskRefusal = (from: string, quota: Quota): Incident =>
  refused("DISK_QUOTA", from, quota, `${quota.bytesOnDisk} bytes are recorded`)

const directoryRefusal = (from: string, quota: Quota): Incident =>
  refused("DISK_QUOTA", from, quota, `${directoryCountMax} directories are recorded, and no more are counted`)

/** The socket's `address:port`, without the port. */
const addressOf = (peer: string) => peer.slice(0, peer.lastIndexOf(":"))

export class Party {
  readonly #permissions: Permissions
  readonly #peer: Peer
  #name: string
  #certificate: Identity["certificate"]
  #rules: Permissions["rightsOf"]
  #rights: Rights | undefined
  #shares: ReadonlyArray<Share> = []
  /** `Allowances.forgottenCount` when `#shares` were asked for. */
  #forgottenCount = 0
  #isIn = false
  /** Of this connection; undefined: what it receives is not counted. */
  debtor: Debtor | undefined
  /** To whom most was owed when bytes were last counted. */
  #creditor: Allowance | undefined
  /** The session last found to be the party's own. */
  #recorded: object | undefined

  constructor(permissions: Permissions, peer: Peer) {
    this.#permissions = permissions
    this.#peer = peer
    this.#name = peer.name
  }

  get #identity(): Identity {
    const { certificate, name } = this.#peer
    return { address: addressOf(name), certificate }
  }

  /** Who it is to the rules, for a line of the log: an operator can let in by that who was refused. */
  get principals(): string {
    this.#look()
    return this.#shares.map(({ quota }) => principalText(quota.principal)).join(", ")
  }

  mayRecord(names: Names): boolean {
    return this.#current?.mayRecord(names) ?? true
  }

  /** There are sessions that it may record. */
  get mayRecordAny(): boolean {
    return this.#current?.mayRecordAny ?? true
  }

  /** Into a directory below the host's that the target names itself: it must not be another session's. */
  mayRecordInto(hostname: string, path: string): boolean {
    // The host's own directory belongs to no session: without rules that is allowed.
    if (this.#permissions.rightsOf === undefined) return true
    return sessionNamesOf(path).some((sessionName) => this.mayRecord({ hostname, sessionName }))
  }

  /** Another value when what anybody may do has changed. */
  get rules(): unknown {
    return this.#permissions.rightsOf
  }

  mayView(names: Names): boolean {
    return this.#current?.mayView(names) ?? true
  }

  /** Any connection may name any stream; one that it may not record is to it as if it were not there. */
  stream(streams: ReadonlyMap<number, StreamActor>, handle: bigint): StreamActor | undefined {
    const stream = streams.get(Number(handle))
    if (stream === undefined || this.#permissions.rightsOf === undefined) return stream
    // Its sessions were admitted once. Rules that change make it wait, but do not take from it what it has.
    const { carried } = this.#peer
    if (carried !== undefined) return carried.brought(stream.session.id) ? stream : undefined
    if (this.#rules === this.#permissions.rightsOf && this.#recorded === stream.session) return stream
    if (!this.mayRecord(stream.session.identity)) return undefined
    this.#recorded = stream.session
    return stream
  }

  /** For the log: why a stream that exists is answered as unknown. */
  withheld(streams: ReadonlyMap<number, StreamActor>, handle: bigint): Incident | undefined {
    const stream = streams.get(Number(handle))
    if (stream === undefined || this.#peer.carried !== undefined || this.mayRecord(stream.session.identity))
      return undefined
    const { hostname, sessionName } = stream.session.identity
    const shown = JSON.stringify({ sessionName, hostname })
    return { code: "SESSION_NOT_PERMITTED", detail: `${this.principals}: ${shown}` }
  }

  // ---- quotas ----------------------------------------------------------------------------------------------------

  /** Counts the connection; answers why it is one too many. `leave` in either case, once. */
  enter(): Incident | undefined {
    this.#look()
    if (this.#peer.carried !== undefined) return undefined
    const over = this.#shares.find(({ quota, allowance }) => allowance.connectionCount >= quota.connections)
    this.#count()
    if (over === undefined) return undefined
    return refused("CONNECTION_QUOTA", this.#identity.address, over.quota, `${over.quota.connections} are open`)
  }

  /** Answers whether it was waiting for its rate. */
  leave(): boolean {
    if (!this.#isIn) return false
    this.#isIn = false
    let hasWaited = false
    for (const { allowance } of this.#shares) {
      allowance.connectionCount--
      if (this.debtor !== undefined && allowance.debtors.leave(this.debtor)) hasWaited = true
    }
    this.#forget(this.#shares)
    return hasWaited
  }

  #count(): void {
    this.#isIn = true
    for (const { allowance } of this.#shares) {
      allowance.connectionCount++
      if (this.debtor !== undefined) allowance.debtors.enter(this.debtor)
    }
  }

  /** Why one session more would be too many. */
  get sessionRefusal(): Incident | undefined {
    this.#look()
    const from = this.#identity.address
    for (const { quota, allowance } of this.#shares) {
      if (allowance.sessionCount >= quota.sessions) {
        return refused("SESSION_QUOTA", from, quota, `${quota.sessions} are being recorded`)
      }
      if (allowance.diskBytes >= quota.bytesOnDisk) return diskRefusal(from, quota)
      if (allowance.hasManyDirectories) return directoryRefusal(from, quota)
    }
    return undefined
  }

  /** A session that is counted until `release`. */
  holdSession(): HeldSession {
    this.#look()
    const held = this.#shares
    const { allowances } = this.#permissions
    const recorded = new Set<string>()
    for (const { allowance } of held) allowance.sessionCount++
    let sync: Effect.Effect<void> | undefined
    return {
      begun: (synced) => {
        sync = synced
        for (const { allowance } of held) allowance.syncs.add(synced)
      },
      records: (directory) => {
        recorded.add(directory)
        for (const { allowance, quota } of held) allowances.records(quota, allowance, directory)
      },
      release: () => {
        for (const { allowance } of held) {
          allowance.sessionCount--
          allowances.left(allowance, recorded)
          if (sync !== undefined) allowance.syncs.delete(sync)
        }
        this.#forget(held)
      }
    }
  }

  /** So much is kept of a journal that it brings, or brought. */
  keeps(token: string, byteCount: number): void {
    this.#look()
    this.#permissions.allowances.keep(token, this.#shares, byteCount)
  }

  /** Without rules nothing is counted. */
  get isBounded(): boolean {
    this.#look()
    return this.#shares.length > 0 && this.#peer.carried?.isReplayed !== true
  }

  /** Counts bytes that were received for files; answers for how many ms no more may be. */
  spend(byteCount: number): number {
    this.#look()
    let millis = 0
    for (const { quota, allowance } of this.#shares) {
      allowance.diskBytes += byteCount
      if (quota.bytesPerSecond === Number.POSITIVE_INFINITY) continue
      const owed = allowance.bucket.take(byteCount, quota.bytesPerSecond, clockMillis())
      if (byteCount > 0) allowance.debtors.owe(owed)
      if (owed <= millis) continue
      millis = owed
      this.#creditor = allowance
    }
    return millis
  }

  /**
   * Counts zeros that files get behind what is received. They cost the sender nothing, and may be 4 GiB: answers why
   * they are too many, without a look at the disk.
   */
  fill(byteCount: number): Incident | undefined {
    if (byteCount === 0 || !this.isBounded) return undefined
    // An edge waits for room behind each record, but others of its principals bring some at the same time.
    const isOfEdge = this.#peer.carried !== undefined && byteCount <= pageBytesMax
    for (const { quota, allowance } of this.#shares) {
      const { bytesOnDisk } = quota
      const left = bytesOnDisk + Math.max(zerosBeyondMin, bytesOnDisk * zerosBeyondShare) - allowance.diskBytes
      if (byteCount > left && !isOfEdge) return diskRefusal(this.#identity.address, quota)
    }
    for (const { allowance } of this.#shares) allowance.diskBytes += byteCount
    return undefined
  }

  /** The debtor is freed when nothing is owed and its turn has come. */
  wait(debtor: Debtor, millis: number): void {
    this.#creditor?.debtors.wait(debtor, millis)
  }

  /** It does not want to be freed any more. */
  forgo(debtor: Debtor): void {
    this.#creditor?.debtors.leave(debtor)
  }

  /** For how many ms nothing may be received. */
  get owedMillis(): number {
    return this.isBounded ? this.spend(0) : 0
  }

  /** By what was counted, which may be too much. */
  get isDiskSpent(): boolean {
    return this.#shares.some(({ quota, allowance }) => allowance.diskBytes >= quota.bytesOnDisk)
  }

  /** The same, or so many directories that it may begin no other session. */
  get isDiskDue(): boolean {
    return this.isDiskSpent || this.#shares.some(({ allowance }) => allowance.hasManyDirectories)
  }

  /** After a look at the disk, if it may be needed: why nothing more may be recorded. */
  get diskRefusal(): Effect.Effect<Incident | undefined> {
    return Effect.gen({ self: this }, function* () {
      this.#look()
      for (const { quota, allowance } of this.#shares) {
        if (allowance.diskBytes < quota.bytesOnDisk && !allowance.hasManyDirectories) continue
        yield* this.#permissions.allowances.recount(allowance)
        if (allowance.diskBytes >= quota.bytesOnDisk) return diskRefusal(this.#identity.address, quota)
      }
      return undefined
    })
  }

  /** Of one read, so that it makes no long debt, nor goes far beyond the bytes on disk. Infinite: no bound. */
  get readBytesMax(): number {
    this.#look()
    let slowest = Number.POSITIVE_INFINITY
    let left = Number.POSITIVE_INFINITY
    for (const { allowance, quota } of this.#shares) {
      slowest = Math.min(slowest, quota.bytesPerSecond)
      left = Math.min(left, (quota.bytesOnDisk - allowance.diskBytes) / fillRatio)
    }
    return Math.max(readBytesMin, Math.ceil(Math.min(slowest * readSeconds, left)))
  }

  /** It was waiting for the rate of rules that are no longer in force. */
  #waitAnew(): void {
    const { debtor } = this
    if (debtor === undefined) return
    this.#creditor = this.#shares[0]?.allowance
    if (this.#creditor === undefined) queueMicrotask(() => debtor.free())
    else this.wait(debtor, 1)
  }

  #forget(shares: ReadonlyArray<Share>): void {
    for (const { quota } of shares) this.#permissions.allowances.forget(quota.principal)
  }

  get #current(): Rights | undefined {
    this.#look()
    return this.#rights
  }

  /** Takes up rules, an address or a certificate that have changed. */
  #look(): void {
    const { allowances, rightsOf } = this.#permissions
    const { certificate, name } = this.#peer
    if (rightsOf === this.#rules && certificate === this.#certificate && name === this.#name) {
      // One that it did not use may have been forgotten, and exist again as another object.
      if (this.#shares.length > 0 && this.#forgottenCount !== allowances.forgottenCount) this.#share()
      return
    }
    this.#rules = rightsOf
    this.#certificate = certificate
    this.#name = name
    this.#rights = rightsOf?.(this.#identity)
    this.#recorded = undefined
    const isIn = this.#isIn
    const hasWaited = this.leave()
    this.#share()
    if (isIn) this.#count()
    if (hasWaited) this.#waitAnew()
  }

  #share(): void {
    const { allowances } = this.#permissions
    this.#shares = allowances.sharesOf(this.#rights?.bounds ?? [])
    this.#forgottenCount = allowances.forgottenCount
  }
}
