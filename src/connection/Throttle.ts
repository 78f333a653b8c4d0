/**
 * Applies the quotas of a peer's principals to what one connection receives. While there is a debt its socket is not
 * read, and TCP stops the peer. When too much lies on the disk, and a look at the disk confirms it, the connection
 * ends.
 */
import { Cause, Effect } from "effect"
import type { Incident } from "../errors/Report.ts"
import { clearTimeout, setTimeout } from "../Machine.ts"
import type { Debtor } from "../relay/party/Debtors.ts"
import type { Party } from "../relay/party/Party.ts"
import type { Peer } from "../transport/Peer.ts"
import { containedCall, type OnDefect } from "./Contained.ts"

export interface Options {
  readonly party: Party
  readonly peer: Pick<Peer, "isCarried" | "readAtMost" | "waitsFor">
  /** Runs what nobody waits for. */
  readonly background: (work: Effect.Effect<void>) => void
  /** Its socket must not be read until it may go on: others have had too much. Undefined: it cannot be stopped. */
  readonly onHeld: (() => void) | undefined
  /** It may go on. */
  readonly onFree: () => void
  readonly onRefused: (incident: Incident) => void
  /** It ends with this: nobody else's turn does. */
  readonly onDefect: OnDefect
}

/** Who waits for less on the disk looks again. */
const againMillis = 1000

export class Throttle implements Debtor {
  readonly #options: Options
  /** For its turn: its principals have had too much. */
  #isWaiting = false
  /** At the disk, or until it looks there again. */
  #isLooking = false
  #isStopped = false
  /** What the first read waits for. */
  #begin: (() => void) | undefined
  #again: NodeJS.Timeout | undefined
  #readBytesMax = Number.POSITIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
    options.party.debtor = this
    this.#bound()
    // Before its first read it waits for what others of its principals have had: it may be one of a thousand.
    if (options.peer.isCarried !== true) this.#wait(options.party.owedMillis)
  }

  /** Nothing may be read until `onFree`. */
  get isClosed(): boolean {
    return this.#isWaiting || this.#isLooking
  }

  /** Reads for the first time, now or when it may. */
  begin(start: () => void): void {
    if (this.isClosed) this.#begin = start
    else start()
  }

  /** So many bytes came. A session that is refused for what lies on the disk is answered so: its connection stays. */
  take(byteCount: number, isRecording = true): void {
    const { party } = this.#options
    if (!party.isBounded) return
    const millis = party.spend(byteCount)
    if (isRecording && party.isDiskSpent) this.#lookAtDisk()
    this.#bound()
    this.#wait(millis)
  }

  #wait(millis: number): void {
    if (millis === 0 || this.#isWaiting) return
    this.#isWaiting = true
    this.#options.party.wait(this, millis)
  }

  // ---- Debtor ----------------------------------------------------------------------------------------------------

  get owedMillis(): number {
    return this.#options.party.owedMillis
  }

  hold(): void {
    const { onHeld, party } = this.#options
    if (onHeld === undefined || this.isClosed || this.#isStopped) return
    this.#wait(party.owedMillis)
    if (this.#isWaiting) onHeld()
  }

  free(): void {
    this.#isWaiting = false
    this.#free()
  }

  stop(): void {
    this.#isStopped = true
    this.#options.party.forgo(this)
    this.#isWaiting = false
    clearTimeout(this.#again)
  }

  #bound(): void {
    const { party, peer } = this.#options
    const byteCount = party.readBytesMax
    if (byteCount === this.#readBytesMax) return
    this.#readBytesMax = byteCount
    peer.readAtMost(byteCount)
  }

  #lookAtDisk(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    const { background, onDefect, onRefused, party, peer } = this.#options
    const { waitsFor } = peer
    const looked = Effect.map(party.diskRefusal, (refusal) => {
      if (this.#isStopped) return
      waitsFor?.(refusal)
      if (refusal !== undefined && waitsFor !== undefined) {
        this.#again = setTimeout(this.#lookAgain, againMillis)
        return
      }
      this.#isLooking = false
      if (refusal !== undefined) onRefused(refusal)
      else this.#free()
    })
    background(Effect.catchCause(looked, (cause) => Effect.sync(() => onDefect(Cause.squash(cause)))))
  }

  readonly #lookAgain = (): void => {
    this.#isLooking = false
    this.#lookAtDisk()
  }

  #free(): void {
    if (this.#isStopped || this.isClosed) return
    const { onDefect, onFree } = this.#options
    const begin = this.#begin ?? onFree
    this.#begin = undefined
    containedCall(begin, onDefect)()
  }
}
