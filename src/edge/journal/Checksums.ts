/**
 * The checksums of records, as quick as the processor can: of bytes in the memory that is handed out here, payloads are
 * summed by its vector instructions, which are there by WebAssembly. All else is summed by `protocol/journal/Sum`.
 */
import { crc32 } from "node:zlib"
import type { Checksums } from "../../protocol/journal/Record.ts"
import * as Sum from "../../protocol/journal/Sum.ts"

/**
 * The loop of `Sum.add` over whole blocks from `$at` to `$end`, of which the state is left at 0:
 *
 *     (module (import "m" "m" (memory 1)) (func (export "s") (param $at i32) (param $end i32)
 *       (local $a v128) (local $b v128) (local $c v128) (local $d v128)
 *       (local.set $a (i32x4.splat (i32.const 1))) (local.set $c (i32x4.splat (i32.const 1)))
 *       (block (loop (br_if 1 (i32.ge_u (local.get $at) (local.get $end)))
 *         (local.set $b (i32x4.add (local.get $b)
 *           (local.tee $a (i32x4.add (local.get $a) (v128.load (local.get $at))))))
 *         … $c and $d at offset 16, $a and $b at 32, $c and $d at 48 …
 *         (local.set $at (i32.add (local.get $at) (i32.const 64))) (br 0)))
 *       (v128.store (i32.const 0) (local.get $a)) … $b, $c, $d at offsets 16, 32, 48))
 */
const code =
  "AGFzbQEAAAABBgFgAn9/AAIIAQFtAW0CAAEDAgEABwUBAXMAAAqaAQGXAQEEe0EB/REhAkEB/REhBAJAA0AgACABTw0BIAIgAP0AAAD9rgEiAiAD/a4BIQMgBCAA/QAAEP2uASIEIAX9rgEhBSACIAD9AAAg/a4BIgIgA/2uASEDIAQgAP0AADD9rgEiBCAF/a4BIQUgAEHAAGohAAwACwtBACAC/QsAAEEAIAP9CwAQQQAgBP0LACBBACAF/QsAMAs="

/** The part of the WebAssembly interface that is used here. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number
    readonly maximum: number
  }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, object>>
  ) => { readonly exports: Record<string, unknown> }
}

interface Vectors {
  readonly memory: ArrayBuffer
  readonly state: DataView
  /** Sums the blocks from one address to another. */
  readonly add: (from: number, to: number) => void
}

/** Pages of 64 KiB: the most that is handed out. Pages that are never used take no memory. */
const pageCount = 256

const load = (): Vectors | undefined => {
  try {
    const memory = new WebAssembly.Memory({ initial: pageCount, maximum: pageCount })
    const module = new WebAssembly.Module(Buffer.from(code, "base64"))
    const { s } = new WebAssembly.Instance(module, { m: { m: memory } }).exports
    return { memory: memory.buffer, state: new DataView(memory.buffer, 0, 64), add: s as Vectors["add"] }
  } catch {
    // The processor has no vector instructions.
    return undefined
  }
}

let vectors: Vectors | undefined
let isLoaded = false
/** Memory that is handed out begins here, behind the state. */
let handedOut = Sum.blockBytes

/** Memory that is summed quickly, for as long as the process lives; undefined: there is no more of it. */
export const allocate = (byteCount: number): Buffer | undefined => {
  if (!isLoaded) vectors = load()
  isLoaded = true
  if (vectors === undefined || handedOut + byteCount > vectors.memory.byteLength) return undefined
  const at = handedOut
  handedOut += byteCount
  return Buffer.from(vectors.memory, at, byteCount)
}

const state: Sum.State = new Int32Array(16)

/** For fewer bytes the call to WebAssembly costs more than it saves. */
const vectorBytesMin = 256

const payload = (bytes: Buffer, from: number, to: number): number => {
  if (vectors === undefined || bytes.buffer !== vectors.memory || to - from < vectorBytesMin) {
    return Sum.of(bytes, from, to)
  }
  const rest = to - ((to - from) % Sum.blockBytes)
  vectors.add(bytes.byteOffset + from, bytes.byteOffset + rest)
  for (let word = 0; word < 16; word++) state[word] = vectors.state.getInt32(4 * word, true)
  Sum.addRest(state, bytes, rest, to)
  return Sum.fold(state, to - from)
}

export const checksums: Checksums = { head: (bytes) => crc32(bytes), payload }
