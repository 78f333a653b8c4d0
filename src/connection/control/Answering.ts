/**
 * Holds the answers of one control connection, in the order of its commands, and decides when they leave.
 *
 * The answers of one read leave in one write, together with those of other connections (`Outbox`), but not before what
 * they promise is in the files (`Acknowledged`), and answers to beacons not too often (`BeaconPace`).
 */
import type { Effect } from "effect"
import { clearTimeout, clockMillis, setTimeout } from "../../Machine.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Connection } from "../../relay/Connections.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import { successionMillis } from "../../relay/Vigil.ts"
import type { Peer } from "../../transport/Peer.ts"
import { containedCall, type OnDefect } from "../Contained.ts"
import { Acknowledged } from "./Acknowledged.ts"
import { Answers } from "./Answers.ts"
import { BeaconPace, beaconPauseMillis } from "./BeaconPace.ts"
import type { Reply } from "./Command.ts"
import type { RefusalGrace } from "./RefusalGrace.ts"

export interface Options {
  readonly peer: Peer
  readonly registry: Registry["Service"]
  readonly connection: Connection
  readonly grace: RefusalGrace
  /** False while a command runs, with whose answer the others leave, and after the end. */
  readonly mayLeave: () => boolean
  /** Called when a packet that is waited for may have come: `leave` is to be called. */
  readonly onLooked: () => void
  readonly onDefect: OnDefect
}

export class Answering {
  readonly #options: Options
  readonly #answers = new Answers()
  readonly #acknowledged: Acknowledged
  readonly pace = new BeaconPace()
  #later: NodeJS.Timeout | undefined
  /** When the commands that are being answered arrived, in ms. */
  #readAt = 0
  #unansweredCount = 0
  /** The answers leave at the end of this look at the sockets. */
  #isPosted = false
  readonly #onPosted: () => void
  /** The peer has not read its answers; the connection resets it when it has. */
  isPeerBehind = false

  constructor(options: Options) {
    this.#options = options
    this.#acknowledged = new Acknowledged(containedCall(options.onLooked, options.onDefect), (place) => {
      this.#answers.cut(place)
      this.#answers.code(ReturnCode.UNKNOWN)
    })
    const onPosted = () => {
      this.#isPosted = false
      this.#sendLater()
    }
    this.#onPosted = containedCall(onPosted, options.onDefect)
  }

  /** A read begins: its commands arrived at `nowMillis`. */
  begin(nowMillis: number): void {
    this.#readAt = nowMillis
  }

  /** A command will be answered. */
  count(): void {
    this.#unansweredCount++
  }

  add(bytes: Uint8Array): void {
    this.#answers.add(bytes)
  }

  /** An index is accepted. `isFirst`: it came before its packet (see `Acknowledged.add`). */
  acknowledge(stream: StreamActor, isFirst: boolean): void {
    this.#acknowledged.add(stream, isFirst ? undefined : this.#answers.length)
    this.#answers.code(ReturnCode.OK)
  }

  /** Writes what the answers promise. Returns what they have to wait for; undefined: nothing. */
  writeOut(): Effect.Effect<Reply> | undefined {
    return this.#acknowledged.writeOut()
  }

  /**
   * Sends the answers of a read: at once, or with those of other connections at the end of this look at the sockets,
   * or, to beacons that come too often for the live timer (in µs), a little later. Returns what has to be waited for
   * before they may leave; undefined: nothing.
   */
  leave(liveTimer: number | undefined): Effect.Effect<Reply> | undefined {
    if (this.#acknowledged.looksAgain()) return undefined
    const written = this.#acknowledged.writeOut()
    if (written !== undefined || this.#answers.length === 0) return written
    if (liveTimer !== undefined && this.pace.isTooThick(liveTimer)) {
      this.#later ??= setTimeout(() => this.#sendLater(), beaconPauseMillis)
    } else if (!this.#isPosted) this.#post()
    return undefined
  }

  #post(): void {
    this.#isPosted = this.#options.registry.outbox.post(this.#onPosted)
    if (!this.#isPosted) this.send()
  }

  /** While a command runs or an index waits for its packet, answers stay: they leave together with its answer. */
  #sendLater(): void {
    this.#later = undefined
    if (this.#options.mayLeave() && !this.#acknowledged.isLooking) this.send()
  }

  send(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    if (this.#answers.length === 0) return
    const { connection, grace, peer, registry } = this.#options
    if (!peer.send(this.#answers.take())) this.isPeerBehind = true
    const now = clockMillis()
    registry.tally.answerMicros.add((now - this.#readAt) * 1000, this.#unansweredCount)
    this.#unansweredCount = 0
    const millis = this.pace.answered(now)
    if (millis !== undefined && millis < successionMillis) registry.vigil.keep(now, connection.id)
    grace.answered(now)
  }

  /** The connection ends: sends the answers whose promises are kept, and drops the others. */
  conclude(): void {
    this.#answers.cut(this.#acknowledged.unwrittenFrom())
    this.send()
  }
}
