/**
 * A whole relay for a test: three free ports on loopback, files in memory that can be looked at, slowed and broken.
 * It takes a few milliseconds, leaves nothing behind, and runs in real time under any test clock.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { ListenAddress, RelayConfig } from "../config/RelayConfig.ts"
import { defaults } from "../config/RelayDefaults.ts"
import * as Relay from "../Relay.ts"
import { FaultyFiles } from "../storage/FaultyFiles.ts"
import { Files } from "../storage/Files.ts"
import { MemoryFiles, type Options as MemoryOptions } from "../storage/MemoryFiles.ts"
import * as Script from "./Script.ts"
import * as Tree from "./Tree.ts"
import { inRealTime } from "./Waiting.ts"
import * as Wire from "./Wire.ts"

/** Anything of the relay's configuration but where it listens and writes; and of its files. */
export interface Options extends Partial<Omit<RelayConfig, "output" | "control" | "data" | "live">> {
  readonly files?: MemoryOptions
  /** Files that an earlier relay has left, in place of new ones. */
  readonly memory?: MemoryFiles
}

/** The relay, and the means to play to it and to see what became of it. */
export interface TestRelay extends Script.Ports {
  readonly relay: Relay.Relay["Service"]
  readonly livePort: number
  /** For `Target.make`: `net://127.0.0.1:CONTROL:DATA`. */
  readonly targetUrl: string
  /** For `LiveViewer.fromUrl`: `net://127.0.0.1:LIVE`. */
  readonly viewerUrl: string
  /** The output directory; `tree()` is all of it as a value. */
  readonly output: Tree.Place
  readonly memory: MemoryFiles
  /** Makes files slow, stall or fail. */
  readonly faults: FaultyFiles
  /** A peer that sends exactly what it is told. */
  readonly wire: (port: "control" | "data" | "live") => Effect.Effect<Wire.Wire, Wire.ConnectFailed, Scope.Scope>
  /** A scripted target; its transcript goes to `note`, a line at a time. */
  readonly script: (note?: (line: string) => void) => Script.Script
}

const host = "127.0.0.1"
const anywhere: ListenAddress = { host, port: 0 }
const output = "/traces"

/** Small: a test has few viewers, and many relays. */
const liveCacheBytes = 1024 * 1024

/** Starts a relay over files in memory, on free ports, for the life of the scope. */
export const make = (
  options: Options = {}
): Effect.Effect<TestRelay, Relay.ListenFailed | Relay.ConfigInvalid, Scope.Scope> =>
  Effect.gen(function* () {
    const { files, memory = new MemoryFiles(files), ...changes } = options
    const faults = new FaultyFiles(memory.service)
    const listen = { control: anywhere, data: anywhere, live: anywhere }
    const config: RelayConfig = { ...defaults, liveCacheBytes, ...changes, ...listen, output }
    const layer = Relay.layerNoDeps(config).pipe(Layer.provide(Layer.succeed(Files, faults.service)))
    const relay = Context.get(yield* inRealTime(Layer.build(Layer.fresh(layer))), Relay.Relay)
    const [controlPort, dataPort, livePort] = [
      relay.addresses.control.port,
      relay.addresses.data.port,
      relay.addresses.live.port
    ]
    const place = Tree.inMemory(memory, output)
    return {
      relay,
      host,
      controlPort,
      dataPort,
      livePort,
      targetUrl: `net://${host}:${controlPort}:${dataPort}`,
      viewerUrl: `net://${host}:${livePort}`,
      output: place,
      memory,
      faults,
      wire: (port) => Wire.connect(relay.addresses[port].port, host),
      script: (note = () => {}) => Script.make({ host, controlPort, dataPort }, place, note)
    }
  })

/** The relay as a layer, for what is tested with `Relay` in its context. */
export const layer = (options: Options = {}): Layer.Layer<Relay.Relay, Relay.ListenFailed | Relay.ConfigInvalid> =>
  Layer.effect(
    Relay.Relay,
    Effect.map(make(options), ({ relay }) => relay)
  )
