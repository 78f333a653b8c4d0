/** CRC-32 of zlib, which is loaded with the first sum: most relays keep no journals, and need none. */
let sum: ((data: string | Uint8Array, seed: number) => number) | undefined

export const crc32 = (data: string | Uint8Array, seed = 0): number => {
  sum ??= process.getBuiltinModule("node:zlib").crc32
  return sum(data, seed)
}
