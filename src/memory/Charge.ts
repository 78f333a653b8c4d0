/** The two shares of memory that a connection has, and the part of a share that a single stream uses. */
import type { Account } from "./Blocks.ts"

/** The two shares of a connection. */
export interface Shares {
  /** Its share of the memory between sockets and files. */
  readonly bytes: Account
  /** Its share of the memory for indexes without packets and packets without indexes. */
  readonly halves: Account
}

/**
 * One stream's part of a share. It is told the whole amount whenever that may have changed (`set`), not each step, and
 * moves to another connection whole (`assign`): the one that brought the newest half pays for all of them.
 */
export class Charge {
  #account: Account | undefined
  #byteCount = 0

  /** Charges the whole amount to `account` from now on. */
  assign(account: Account): void {
    if (account === this.#account) return
    const byteCount = this.#byteCount
    this.set(0)
    this.#account = account
    this.set(byteCount)
  }

  set(byteCount: number): void {
    const difference = byteCount - this.#byteCount
    const account = this.#account
    if (difference === 0 || account === undefined) return
    this.#byteCount = byteCount
    if (difference > 0) account.pool.charge(account, difference)
    else account.pool.discharge(account, -difference)
  }
}
