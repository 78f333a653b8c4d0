/** A `TraceStore` over files in memory, with the means to look at them and to break them. */
import { Effect, Layer } from "effect"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { TraceStore } from "../../src/storage/TraceStore.ts"
import { BesideFiles } from "./BesideFiles.ts"

export interface Options {
  readonly bytesMax?: number
  /** Files are written as on a disk: by the stream's fiber, never at once. */
  readonly isDisk?: boolean
  /** An answer may wait for that disk. */
  readonly isNear?: boolean
  /** Another thread writes to files in memory, too. */
  readonly hasWriter?: boolean
  /** In place of files in memory. */
  readonly files?: Files["Service"]
  /** Renames are synced. */
  readonly syncsNames?: boolean
  readonly openFileCountMax?: number
  readonly deviceOperationCountMax?: number
}

export const output = "/out"

export interface Stored {
  readonly memory: MemoryFiles
  readonly faults: FaultyFiles
  readonly beside: BesideFiles
  readonly store: TraceStore["Service"]
}

/** The layer, and what lies under it. */
export const make = (options: Options = {}) => {
  const { bytesMax, isDisk = false, isNear = !isDisk, hasWriter = false } = options
  const memory = new MemoryFiles({ isImmediate: !isDisk, isNear, ...(bytesMax === undefined ? {} : { bytesMax }) })
  const beside = new BesideFiles(memory.service)
  const faults = new FaultyFiles(options.files ?? (hasWriter ? beside.service : memory.service))
  const layer = TraceStore.layerNoDeps({
    output,
    syncsNames: options.syncsNames ?? false,
    openFileCountMax: options.openFileCountMax ?? 100,
    deviceOperationCountMax: options.deviceOperationCountMax ?? 4
  }).pipe(Layer.provide(Layer.sync(Files)(() => faults.service)))
  return { memory, faults, beside, layer }
}

/** Runs `body` on a store of its own. */
export const withStore = <A, E>(options: Options, body: (stored: Stored) => Effect.Effect<A, E>) => {
  const { memory, faults, beside, layer } = make(options)
  return Effect.flatMap(TraceStore, (store) => body({ memory, faults, beside, store })).pipe(Effect.provide(layer))
}
