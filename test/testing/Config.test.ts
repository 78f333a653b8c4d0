/** A relay's configuration: what cannot work is refused when the layer is built, by name and with the reason. */
import * as dns from "node:dns/promises"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Option } from "effect"
import { MemoryFiles, Relay, RelayConfig } from "../../src/index.ts"
import * as Relays from "../support/relays.ts"

const anywhere = { host: "127.0.0.1", port: 0 } as const
const sound: RelayConfig.RelayConfig = {
  ...RelayConfig.defaults,
  output: "/traces",
  control: anywhere,
  data: anywhere,
  live: anywhere
}

const inMemory = (config: RelayConfig.RelayConfig) =>
  Effect.scoped(Effect.asVoid(Layer.build(Relay.layerNoDeps(config).pipe(Layer.provide(MemoryFiles.layer())))))
const onDisk = (config: RelayConfig.RelayConfig) => Effect.scoped(Effect.asVoid(Layer.build(Relay.layer(config))))

/** What is wrong, and the member that the complaint names. */
const wrong: ReadonlyArray<readonly [string, object, string]> = [
  ["a relative output", { output: "traces" }, "output"],
  ["no output", { output: "" }, "output"],
  ["an output with NUL", { output: "/a\0b" }, "output"],
  ["a port beyond the last", { control: { ...anywhere, port: 99_999 } }, "control"],
  ["a negative port", { data: { ...anywhere, port: -1 } }, "data"],
  ["a port that is no number", { live: { ...anywhere, port: Number.NaN } }, "live"],
  ["no host", { live: { ...anywhere, host: "" } }, "live"],
  ["another family", { live: { ...anywhere, family: 5 } }, "live"],
  ["another grouping", { grouping: "user" }, "grouping"],
  ["negative memory", { memoryBytesMax: -1 }, "memoryBytesMax"],
  ["memory for no block", { memoryBytesMax: 1000 }, "memoryBytesMax"],
  ["a cache that is no number", { liveCacheBytes: Number.NaN }, "liveCacheBytes"],
  ["no connection", { connectionCountMax: 0 }, "connectionCountMax"],
  ["no journal", { journalCountMax: 0 }, "journalCountMax"],
  ["half a descriptor", { fdPoolSize: 100.5 }, "fdPoolSize"],
  ["too few descriptors", { fdPoolSize: 10 }, "fdPoolSize"],
  ["a stop that never comes", { stopTimeoutMillis: Number.POSITIVE_INFINITY }, "stopTimeoutMillis"],
  ["a stop before it begins", { stopTimeoutMillis: -1 }, "stopTimeoutMillis"],
  ["no number for a timeout", { socketTimeoutMillis: Number.NaN }, "socketTimeoutMillis"],
  ["rules for nobody", { access: { principals: [], rules: [{ principals: ["nobody"], record: [{}] }] } }, "access"],
  [
    "rules with a member that is none",
    { access: { principals: [], rules: [{ principals: ["*"], veiw: [{}] }] } },
    "veiw"
  ],
  ["probes of no number", { keepAlive: { maxProbeCount: Number.NaN } }, "keepAlive"]
]

describe("a relay is not built with", () => {
  for (const [what, change, member] of wrong) {
    it.live(what, () =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(inMemory({ ...sound, ...change } as RelayConfig.RelayConfig))
        assert.strictEqual(failure._tag, "ConfigInvalid")
        assert.include(failure.message, member)
      })
    )
  }

  it.live("an output that is a file, or below one", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("config")
      writeFileSync(join(home, "file"), "")
      for (const output of [join(home, "file"), join(home, "file", "below")]) {
        const failure = yield* Effect.flip(onDisk({ ...sound, output }))
        assert.strictEqual(failure._tag, "ConfigInvalid")
        assert.match(failure.message, /ENOTDIR|EEXIST/)
      }
      yield* onDisk({ ...sound, output: join(home, "not", "there", "yet") })
    })
  )

  it.live.skipIf(process.getuid?.() === 0)("an output that it may not write to", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("config")
      chmodSync(home, 0o500)
      const failure = yield* Effect.flip(onDisk({ ...sound, output: join(home, "traces") }))
      assert.strictEqual(failure._tag, "ConfigInvalid")
      assert.include(failure.message, "EACCES")
    })
  )

  it.live("a name that has no address of the family, IPv4 where none is given", () =>
    Effect.gen(function* () {
      const lookup = (family = 4) => Effect.option(Effect.tryPromise(() => dns.lookup("localhost", { family })))
      for (const family of [undefined, 4, 6] as const) {
        const live = { host: "localhost", port: 0, family }
        const layer = Relay.layerNoDeps({ ...sound, live }).pipe(Layer.provide(MemoryFiles.layer()))
        const bound = Effect.map(Layer.build(layer), (built) => Context.get(built, Relay.Relay).addresses.live.host)
        const found = Option.map(yield* lookup(family), ({ address }) => address)
        assert.deepStrictEqual(yield* Effect.scoped(Effect.option(bound)), found)
      }
    })
  )

  it.live("an output on a file system that takes no writes", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(onDisk({ ...sound, output: "/proc/traces" }))
      assert.strictEqual(failure._tag, "ConfigInvalid")
    })
  )
})

describe("a relay's configuration from the environment", () => {
  const read = (env: Record<string, string>) => RelayConfig.config.parse(ConfigProvider.fromEnv({ env }))

  it.effect("needs an output, and has defaults for the rest", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ LTTNG_RELAY_OUTPUT: "/var/traces" }), {
        ...RelayConfig.defaults,
        output: "/var/traces"
      })
      assert.strictEqual((yield* Effect.flip(read({})))._tag, "ConfigError")
    })
  )

  it.effect("takes addresses, sizes and durations", () =>
    Effect.gen(function* () {
      const config = yield* read({
        LTTNG_RELAY_OUTPUT: "/var/traces",
        LTTNG_RELAY_LIVE_HOST: "::1",
        LTTNG_RELAY_LIVE_PORT: "6000",
        LTTNG_RELAY_GROUPING: "session",
        LTTNG_RELAY_ALLOW_CLEAR: "false",
        LTTNG_RELAY_MEMORY_MAX: "128 MiB",
        LTTNG_RELAY_WORKERS: "2",
        LTTNG_RELAY_STOP_TIMEOUT: "2 seconds"
      })
      assert.deepInclude(config, {
        live: { host: "::1", port: 6000 },
        grouping: "session",
        allowClear: false,
        memoryBytesMax: 128 * 1024 * 1024,
        workers: 2,
        stopTimeoutMillis: 2000
      })
      assert.deepStrictEqual(yield* RelayConfig.check(config), config)
    })
  )

  it.effect("says which value is wrong", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(read({ LTTNG_RELAY_OUTPUT: "/t", LTTNG_RELAY_DATA_PORT: "many" }))
      assert.include(failure.message, "DATA_PORT")
    })
  )
})
