/** Inputs made from inputs: what a damaged, hostile or confused peer might send instead. */
import type { Random } from "../../support/Random.ts"

const bytesMax = 256 * 1024
const numbers = [0, 1, 0x7f, 0x80, 0xff]
const words = [0n, 1n, 0x7fff_ffffn, 0xffff_ffffn, 2n ** 63n, 2n ** 64n - 1n, 4096n, 8n * 1024n * 1024n]

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer

/** Anywhere, more often near the front, where heads are. */
const place = (bytes: Buffer, random: Random): number =>
  random.chance(0.3) ? random.between(0, Math.min(bytes.length, 64)) : random.between(0, bytes.length)

const overwritten = (bytes: Buffer, random: Random, size: number, value: bigint): Buffer => {
  if (bytes.length < size) return bytes
  const changed = Buffer.from(bytes)
  const field = Buffer.alloc(8)
  field.writeBigUInt64BE(value)
  field.copy(changed, Math.min(place(bytes, random), bytes.length - size), 8 - size)
  return changed
}

const mutations: ReadonlyArray<Mutation> = [
  (bytes, random) => overwritten(bytes, random, 1, BigInt(random.between(0, 255))),
  (bytes, random) => overwritten(bytes, random, 1, BigInt(random.pick(numbers))),
  (bytes, random) => overwritten(bytes, random, 4, BigInt.asUintN(32, random.pick(words))),
  (bytes, random) => overwritten(bytes, random, 8, random.pick(words)),
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  (bytes, random) => {
    const from = place(bytes, random)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + random.between(1, 64))])
  },
  (bytes, random) => {
    const from = place(bytes, random)
    const to = Math.min(bytes.length, from + random.between(1, 200))
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  },
  (bytes, random, other) => {
    const from = place(other, random)
    const inserted = other.subarray(from, from + random.between(1, 400))
    const at = place(bytes, random)
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
  }
]

export const mutate: Mutation = (bytes, random, other) => {
  let changed = bytes
  for (let left = random.between(1, 4); left > 0; left--) {
    changed = random.pick(mutations)(changed, random, other).subarray(0, bytesMax)
  }
  return changed
}
