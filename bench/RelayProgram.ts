/**
 * Our relay over slow files, with the arguments of a daemon: where there is no bindfs, or an operation is to take its
 * time. `RelayProgram.ts '[{"path": …, "bytesPerSecond": …, …}]' -o DIR -C URL -D URL -L URL`
 */
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer, Result } from "effect"
import * as RelayConfig from "../src/config/index.ts"
import * as Relay from "../src/Relay.ts"
import { type Recurring, remaining } from "../src/testing/Pace.ts"
import * as SlowFiles from "../src/testing/SlowFiles.ts"
import * as RelayUrl from "../src/transport/RelayUrl.ts"

/** A slow disk below `path`; without it everywhere. What happens at a time is counted from `SIGUSR2`. */
export interface Slow {
  readonly path?: string
  readonly bytesPerSecond?: number
  readonly latencyMillis?: number
  readonly stallMillis?: readonly [number, number]
  readonly stall?: Recurring
}

let start = Number.POSITIVE_INFINITY
process.on("SIGUSR2", () => {
  start = performance.now()
})

const stallOf =
  ({ stall, stallMillis }: Slow) =>
  (): number => {
    const elapsed = performance.now() - start
    if (elapsed === Number.NEGATIVE_INFINITY) return 0
    const [from, to] = stallMillis ?? [0, 0]
    const once = elapsed >= from && elapsed < to ? to - elapsed : 0
    return Math.max(once, stall === undefined ? 0 : remaining(stall, elapsed))
  }

const [told = "[]", ...rest] = process.argv.slice(2)
const option = (short: string) => ({ type: "string", short }) as const
const { values } = parseArgs({
  args: rest,
  options: { output: option("o"), control: option("C"), data: option("D"), live: option("L") }
})

const address = (url = "") => {
  const { family, host, ports } = Result.getOrThrow(RelayUrl.split(url))
  return { host, port: ports[0] ?? 0, family }
}

const slow = (JSON.parse(told) as ReadonlyArray<Slow>).map((disk) => {
  const { bytesPerSecond, latencyMillis, path } = disk
  return {
    stall: stallOf(disk),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(latencyMillis !== undefined && { latencyMillis }),
    ...(path !== undefined && { isOn: (at: string) => at.startsWith(path) })
  }
})

const config = {
  ...RelayConfig.defaults,
  output: values.output ?? "",
  listen: { control: address(values.control), data: address(values.data), live: address(values.live) }
}
const relay = Relay.layerNoDeps({ ...config, ...config.listen }).pipe(Layer.provide(SlowFiles.layerDisk(...slow)))
NodeRuntime.runMain(Layer.launch(relay))
