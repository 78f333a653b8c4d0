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
  readonly peer: Pick<Peer, "carried" | "readAtMost">
  /** Runs what nobody waits for. */
  readonly background: (work: Effect.Effect<void>) => void
  /** Stops reads of the socket until `onFree`: other connections spent the quota. Undefined: it cannot be stopped. */
  readonly onHeld: (() => void) | undefined
  /** Called when the socket may be read again. */
  readonly onFree: () => void
  readonly onRefused: (incident: Incident) => void
  /** Called with what the connection's callbacks throw, so that only this connection ends. */
  readonly onDefect: OnDefect
}

/** What waits until there is less on the disk looks again after this time. */
const againMillis = 1000

export class Throttle implements Debtor {
  readonly #options: Options
  /** It waits for its turn: its principals have had too much. */
  #isWaiting = false
  /** It looks how much is on the disk, or waits to look again. */
  #isLooking = false
  #isStopped = false
  /** Starts reading, if that has been asked for and had to wait. */
  #begin: (() => void) | undefined
  #again: NodeJS.Timeout | undefined
  #readBytesMax = Number.POSITIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
    options.party.debtor = this
    this.#bound()
    // Even before its first read it waits for its principals' debt: it may be one of a thousand connections.
    if (options.peer.carried === undefined) this.#wait(options.party.owedMillis)
  }

  /** Nothing may be read until `onFree`. */
  get isClosed(): boolean {
    return this.#isWaiting || this.#isLooking
  }

  /** Calls `start`, which begins to read, now or when that is allowed. */
  begin(start: () => void): void {
    if (this.isClosed) this.#begin = start
    else start()
  }

  /** So many bytes came. Unless `isRecording`, the disk is not looked at: a refused session is answered instead. */
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
    if (onHeld === undefined || this.isClosed) return
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
    const { carried } = peer
    const looked = Effect.map(party.diskRefusal, (refusal) => {
      if (this.#isStopped) return
      carried?.waitsFor(refusal)
      if (refusal !== undefined && carried !== undefined) {
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
