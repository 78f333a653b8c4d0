/** The relay in this process, over a disk the test can stop, count, and damage, with a scripted tracer and viewers. */
import { join } from "node:path"
import { Context, Effect, Latch, Layer } from "effect"
import * as RelayConfig from "../../src/config/index.ts"
import { layerNoDeps, Relay } from "../../src/Relay.ts"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { FileFailed, Files } from "../../src/storage/Files.ts"
import * as Relays from "../support/relays.ts"
import * as Scenario from "./scenario.ts"
import { begun } from "./scenario.ts"

/** A disk whose writes can be held back or fail, and whose reads are counted, and fail from `badFrom` of a file on. */
const makeDisk = () => {
  const writable = Latch.makeUnsafe(true)
  const disk = { writable, readCount: 0, isFull: false, badFrom: Number.POSITIVE_INFINITY }
  const layer = Layer.effect(
    Files,
    Effect.map(Files, (files) =>
      Files.of({
        ...files,
        open: (path, mode) =>
          Effect.map(files.open(path, mode), (file) => ({
            device: file.device,
            inode: file.inode,
            truncate: (size) => file.truncate(size),
            sync: file.sync,
            close: file.close,
            writeNow: undefined,
            writeBeside: undefined,
            write: (buffers, position) =>
              Effect.andThen(
                writable.await,
                Effect.suspend(() =>
                  disk.isFull
                    ? Effect.fail(new FileFailed({ operation: "write", path, code: "ENOSPC" }))
                    : file.write(buffers, position)
                )
              ),
            read: (into, position) => {
              disk.readCount++
              return position + into.length > disk.badFrom
                ? Effect.fail(new FileFailed({ operation: "read", path, code: "EIO" }))
                : file.read(into, position)
            }
          }))
      })
    )
  ).pipe(Layer.provide(DiskFiles.layer))
  return { disk, layer }
}

/** Memory for one packet of up to 496 bytes that arrived last, and for one read last. */
export const onePacket = 2 * 512

const loopback = { host: "127.0.0.1", port: 0, family: 4 } as const

export const setUp = (changes: Partial<RelayConfig.RelayConfig> = {}) =>
  Effect.gen(function* () {
    const output = join(yield* Relays.temporaryDirectory("live"), "traces")
    const { disk, layer } = makeDisk()
    const config = { ...RelayConfig.defaults, output, control: loopback, data: loopback, live: loopback, ...changes }
    const services = yield* Layer.build(layerNoDeps(config).pipe(Layer.provide(layer)))
    const relay = Context.get(services, Relay)
    const { addresses } = relay
    const openFileCount = Effect.map(relay.counters, ({ openFileCount }) => openFileCount)
    const transcript: Array<string> = []
    const script = Scenario.scriptOf(
      {
        kind: "ours",
        host: "127.0.0.1",
        output,
        controlPort: addresses.control.port,
        dataPort: addresses.data.port,
        livePort: addresses.live.port
      },
      (line) => {
        if (line.startsWith("V")) transcript.push(line.replace(/^V\d+ /, "").replace(" +streams", ""))
      },
      15
    )
    /** What viewers were answered since this was last asked. */
    const answers = () => transcript.splice(0)
    return { relay, output, disk, openFileCount, script, answers }
  })

export const recorded = (script: Scenario.LiveScript, name?: string) =>
  Effect.gen(function* () {
    const { tracer, stream, meta } = yield* begun(script, name === undefined ? {} : { name })
    yield* tracer.metadata(meta, 0x41, 10, 10)
    return { tracer, stream, meta }
  })

export const ok = (offset: number, seq: number, bytes = 16) =>
  `NEXT 1 → ok at ${offset}, ${bytes * 8}/${bytes * 8} bits, ${1000 + seq * 10}..${1009 + seq * 10}, lost 0, class 0`
