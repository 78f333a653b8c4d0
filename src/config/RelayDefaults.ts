/** The relay's defaults, without the schema that checks them: a start reads options before it loads anything large. */
import type { RelayConfig } from "./RelayConfig.ts"

/** What a relay uses if it is told nothing else; `output` is empty and must be given. */
export const defaults = {
  output: "",
  control: { host: "0.0.0.0", port: 5342 },
  data: { host: "0.0.0.0", port: 5343 },
  live: { host: "localhost", port: 5344 },
  grouping: "host",
  allowClear: true,
  singleViewer: false,
  fdPoolSize: 1014,
  connectionCountMax: 4096,
  journalCountMax: 4096,
  memoryBytesMax: 64 * 1024 * 1024,
  liveCacheBytes: 32 * 1024 * 1024,
  stopTimeoutMillis: 5000,
  suspendMillis: 604_800_000,
  sync: "none",
  workers: undefined,
  keepAlive: undefined,
  socketTimeoutMillis: undefined
} satisfies RelayConfig
