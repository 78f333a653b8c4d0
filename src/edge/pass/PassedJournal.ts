/**
 * A journal that another edge sends through this one: its records are kept as they are until the relay has them. Of
 * what they say only the session's name is read, to show it to people.
 *
 * "Received" and "durable" mean this edge's spool here, as `--sync` says: the edge before may forget what is in it.
 * "Finished" and "ended" are what the relay said.
 */
import { Effect, Result } from "effect"
import type { Carrier, Taken } from "../../Ports.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as Version from "../../protocol/control/Version.ts"
import * as Header from "../../protocol/Header.ts"
import * as EdgeReport from "../../protocol/journal/EdgeReport.ts"
import { Outcome } from "../../protocol/journal/OpenJournal.ts"
import { headBytes, isHead, isWhole, Kind } from "../../protocol/journal/Record.ts"
import { negotiate } from "../../protocol/Version.ts"
import { checksums } from "../journal/Checksums.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Passed } from "../journal/Passed.ts"
import type { Spool } from "../spool/Spool.ts"

export interface Options {
  readonly journal: Journal
  readonly passed: Passed
  readonly spool: Spool
  /** There is room for one more journal. */
  readonly admits: () => boolean
}

export class PassedJournal implements Taken {
  readonly #options: Options
  readonly #journal: Journal
  readonly #passed: Passed
  #carrier: Carrier | undefined
  #minor = 0
  #isWaiting = false
  #isHeld = false
  isForgotten = false

  constructor(options: Options) {
    this.#options = options
    this.#journal = options.journal
    this.#passed = options.passed
  }

  get received(): number {
    return this.#journal.written
  }

  get durable(): number {
    return this.#journal.written
  }

  get isOver(): boolean {
    return this.#journal.isOver || this.#journal.isCut
  }

  get outcome(): Outcome {
    const { isCut, isOver, waitsFor } = this.#journal
    if (isOver) return Outcome.finished
    if (isCut) return Outcome.ended
    if (!this.#passed.isAdmitted) return Outcome.waitsForQuota
    // There is room, yet it is not ready: it waits for the link, for a moment only.
    return waitsFor ?? (this.isReady || this.#options.spool.holding.hasRoom ? Outcome.goesOn : Outcome.waitsForRoom)
  }

  get lost(): ReadonlyArray<string> {
    return this.#journal.lost
  }

  get isReady(): boolean {
    return this.isOver || (this.#passed.isAdmitted && this.#options.spool.holding.hasRoomForPassed(this.#journal))
  }

  attach(carrier: Carrier): void {
    this.#carrier = carrier
    this.#passed.attach(carrier)
  }

  detach(carrier: Carrier): void {
    this.#carrier = undefined
    const { base, isFinished, last } = this.#journal
    // Nothing of it has come: the edge before still has all, and begins it anew.
    if (this.#passed.detach(carrier) && last === base && !isFinished) this.#options.spool.drop(this.#journal)
  }

  record(number: number, kind: number, _connection: number, bytes: Buffer, from: number, to: number): boolean {
    const journal = this.#journal
    if (this.isOver) {
      if (kind === Kind.forgotten) this.isForgotten = true
      return true
    }
    if (kind === Kind.report) this.#reported(bytes.subarray(from, to))
    // Not at the first record of an edge that only says it has forgotten the journal: that enters nothing.
    this.#options.spool.enter(journal)
    const at = from - headBytes
    if (kind === Kind.packed || !isHead(bytes, at, checksums) || !isWhole(bytes, at, checksums)) return false
    if (kind === Kind.command && journal.last < nameWithin) this.#look(bytes, from, to)
    journal.take(number, kind === Kind.finish, bytes, at, to)
    return true
  }

  #reported(bytes: Uint8Array): void {
    const report = EdgeReport.decode(bytes)
    if (Result.isSuccess(report)) this.#passed.report = report.success
  }

  /** The first session that it has gives it its name. */
  #look(bytes: Buffer, from: number, to: number): void {
    const payload = from + Header.size
    if (payload > to) return
    const command = bytes.readUInt32BE(from + Header.offsets.command)
    if (command === Version.number && to - payload >= 8) this.#minor = negotiate(bytes.readUInt32BE(payload + 4))
    if (command !== CreateSession.number) return
    const request = CreateSession.request(this.#minor).decode(bytes.subarray(payload, to))
    if (Result.isFailure(request)) return
    const { hostname, sessionName } = request.success
    this.#journal.about = { ...this.#journal.about, name: `${hostname}/${sessionName}` }
  }

  flush(): void {
    const journal = this.#journal
    journal.writing.flush()
    if (journal.written < journal.last && !this.#isWaiting) {
      this.#isWaiting = true
      journal.whenWritten(() => {
        this.#isWaiting = false
        this.#carrier?.onReady()
      })
    }
    if (this.#isHeld || this.isReady || !this.#passed.isAdmitted) return
    this.#isHeld = true
    const { spool } = this.#options
    spool.holding.whenRoom(() => {
      this.#isHeld = false
      // The next carrier asks again.
      if (this.#carrier === undefined) return
      if (this.isReady) this.#carrier.onReady()
      else this.flush()
    })
    spool.overflow(journal)
  }

  beat(): void {
    if (this.#passed.isAdmitted || !this.#options.admits()) return
    this.#passed.isAdmitted = true
    this.#carrier?.onReady()
  }

  get forgotten(): Effect.Effect<void> {
    return Effect.suspend(() => this.#options.spool.forgotten(this.#journal.token))
  }
}

/** The command that makes the session is among the first so many records. */
const nameWithin = 8
