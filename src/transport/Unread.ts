/** Takes bytes in pieces as they arrive, and gives them away in the sizes that are asked for. */

/** Bytes that arrived and were not taken yet. */
export interface Unread {
  readonly bytes: () => number
  readonly add: (chunk: Buffer) => void
  /** Takes the oldest `count` bytes; there must be that many. */
  readonly take: (count: number) => Uint8Array
}

export const make = (): Unread => {
  const chunks: Array<Buffer> = []
  let unreadBytes = 0
  const take = (count: number): Uint8Array => {
    unreadBytes -= count
    const first = chunks[0]
    if (first !== undefined && first.length > count) {
      chunks[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    const taken = Buffer.allocUnsafe(count)
    for (let at = 0; at < count; ) {
      const chunk = chunks[0] as Buffer
      const part = Math.min(chunk.length, count - at)
      chunk.copy(taken, at, 0, part)
      at += part
      if (part === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(part)
    }
    return taken
  }
  const add = (chunk: Buffer) => {
    chunks.push(chunk)
    unreadBytes += chunk.length
  }
  return { bytes: () => unreadBytes, add, take }
}
