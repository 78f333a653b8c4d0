/**
 * The memory between sockets and files: blocks of two sizes from one pool, charged to the connection that fills them.
 *
 * A block belongs to one stream from `take` until the stream's write has completed and it is released; views of
 * its bytes are valid exactly that long. Idle connections own none.
 *
 * Limits. A connection may hold `connectionBytesMax`, and never more than half of what is still free: however many
 * connections stall, a share of the pool stays for the next one. A connection is asked to stop *after* the read that
 * spent its share, so the pool can exceed `bytesMax` by at most one read per connection that is receiving.
 */
import type { Holder, Landing } from "./Landing.ts"
import type { Piece } from "./Piece.ts"

/** Size of a full block: one disk write of a busy stream is a few blocks, and a small read fits in one. */
export const blockBytes = 64 * 1024

/** Enough for a packet or the index records of a quiet stream: so many such streams fit the processor's cache. */
const smallBlockBytes = 4 * 1024

/** Enough for two writes in flight of 1 MiB and as much again arriving; more does not make a connection faster. */
export const connectionBytesMax = 4 * 1024 * 1024

/** Free blocks of one size are kept for reuse up to this; further ones are left to the garbage collector. */
const spareBytesMax = 16 * 1024 * 1024

export class Block implements Piece {
  readonly bytes: Buffer
  /** `bytes[from, to)` is filled, and not written yet. */
  from = 0
  to = 0
  /** The connection's account that is charged for it; undefined while the block is spare. */
  owner: Account | undefined

  constructor(byteCount: number) {
    this.bytes = Buffer.allocUnsafeSlow(byteCount)
  }

  get isFull(): boolean {
    return this.to === this.bytes.length
  }

  release(): void {
    if (this.owner === undefined) throw new Error("block released twice")
    this.owner.pool.release(this, this.owner)
  }
}

/** The memory of one relay. A second pool bounds halves of indexes in the same way (`charge` without blocks). */
export class Pool {
  #bytesMax: number
  /** Bytes that one connection may hold. */
  readonly accountBytesMax: number
  /** Bytes that all accounts together hold. */
  usedBytes = 0
  readonly #spare: Array<Block> = []
  readonly #spareSmall: Array<Block> = []
  /** Connections that are not read until there is room, the longest wait first. */
  readonly #paused = new Set<Account>()

  constructor(bytesMax: number, accountBytesMax = connectionBytesMax) {
    this.#bytesMax = Math.max(bytesMax, 16 * blockBytes)
    this.accountBytesMax = accountBytesMax
  }

  get bytesMax(): number {
    return this.#bytesMax
  }

  /**
   * What exceeds a lower limit comes back as writes complete; waiting accounts notice a higher one as writes complete.
   */
  set bytesMax(bytesMax: number) {
    this.#bytesMax = Math.max(bytesMax, 16 * blockBytes)
  }

  /** A block for `byteCount` bytes: a small one if they fit, otherwise a full one, which may hold only a part. */
  take(owner: Account, byteCount: number = blockBytes): Block {
    const isSmall = byteCount <= smallBlockBytes
    const size = isSmall ? smallBlockBytes : blockBytes
    const spare = isSmall ? this.#spareSmall : this.#spare
    const block = spare.pop() ?? new Block(size)
    block.from = 0
    block.to = 0
    block.owner = owner
    this.charge(owner, size)
    return block
  }

  /** Takes a block back; called by `Block.release`. */
  release(block: Block, owner: Account): void {
    const size = block.bytes.length
    const spare = size === smallBlockBytes ? this.#spareSmall : this.#spare
    block.owner = undefined
    if (spare.length * size < spareBytesMax) spare.push(block)
    this.discharge(owner, size)
  }

  charge(owner: Account, byteCount: number): void {
    owner.usedBytes += byteCount
    this.usedBytes += byteCount
  }

  discharge(owner: Account, byteCount: number): void {
    owner.usedBytes -= byteCount
    this.usedBytes -= byteCount
    if (this.#paused.size > 0) this.#resumeSome(owner)
  }

  /** Bytes that `account` may hold now: at most half of what the others leave, which keeps the sum below the whole. */
  shareOf(account: Account): number {
    const free = this.bytesMax - this.usedBytes + account.usedBytes
    return Math.min(this.accountBytesMax, Math.max(blockBytes, free / 2))
  }

  pause(account: Account): void {
    this.#paused.add(account)
  }

  forget(account: Account): void {
    this.#paused.delete(account)
  }

  /** Resumes the releasing account first; then the one that waited longest, perhaps for memory that others held. */
  #resumeSome(owner: Account): void {
    if (this.#paused.has(owner)) this.#resume(owner)
    for (const account of this.#paused) {
      if (account === owner) continue
      this.#resume(account)
      return
    }
  }

  /** Resumes an account once it holds half of its share; just below the share it would stop again at the next read. */
  #resume(account: Account): void {
    if (account.usedBytes > this.shareOf(account) / 2) return
    this.#paused.delete(account)
    account.onRoom()
  }
}

/** The share of one connection. `onRoom` is called once after each `isSpent` that answered true. */
export class Account implements Holder {
  usedBytes = 0
  readonly pool: Pool
  readonly onRoom: () => void
  /** Where the connection's reads land, if parts of them can be held. */
  readonly #landing: Landing | undefined

  constructor(pool: Pool, onRoom: () => void, landing?: Landing) {
    this.pool = pool
    this.onRoom = onRoom
    this.#landing = landing
  }

  /** Whether the account holds its share, and at least a block: however short memory is, each connection gets that. */
  get isOver(): boolean {
    return this.usedBytes >= blockBytes && this.usedBytes >= this.pool.shareOf(this)
  }

  /** Whether it holds the most that a connection may: then its own files are behind, otherwise all memory is short. */
  get isFull(): boolean {
    return this.usedBytes >= this.pool.accountBytesMax
  }

  /** True: the connection must stop reading until `onRoom`. */
  isSpent(): boolean {
    if (!this.isOver) return false
    this.pool.pause(this)
    return true
  }

  /** Holds `bytes[from, to)` of the read that is being received where they are; undefined: they must be copied. */
  hold(bytes: Buffer, from: number, to: number): Piece | undefined {
    const held = this.#landing?.hold(bytes, from, to, this)
    if (held !== undefined) this.pool.charge(this, to - from)
    return held
  }

  /** See `Holder`. */
  released(byteCount: number): void {
    this.pool.discharge(this, byteCount)
  }

  /** The connection is gone: nobody waits for room any more. Its blocks come back as their writes complete. */
  close(): void {
    this.pool.forget(this)
  }
}
