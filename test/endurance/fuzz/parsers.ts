/** What is read by plain calls: nothing may throw but what it says it does. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Result } from "effect"
import * as Ini from "../../../src/config/Ini.ts"
import { parse } from "../../../src/ctf/metadata/GrowingMetadata.ts"
import * as ProxyHeader from "../../../src/protocol/ProxyHeader.ts"
import * as Check from "../../../src/recovery/Check.ts"
import * as Trees from "../../recovery/trees.ts"
import * as Balancer from "../../support/proxy.ts"

export interface Parser {
  readonly seeds: () => ReadonlyArray<Buffer>
  readonly read: (input: Buffer) => void
}

const traces = ["plain", "tracefiles", "ctf2-live", "contexts"]

const corpus = (isWanted: (path: string) => boolean, bytesMax: number) => () =>
  traces.flatMap((name) =>
    [...Trees.recorded(name)].flatMap(([path, bytes]) =>
      isWanted(path) ? [Buffer.from(bytes).subarray(0, bytesMax)] : []
    )
  )

const metadata = () =>
  Buffer.from([...Trees.recorded("contexts")].find(([path]) => path.endsWith("metadata"))?.[1] ?? [])

const packaging = join(import.meta.dirname, "../../../packaging")

export const parsers: Readonly<Record<string, Parser>> = {
  ini: {
    seeds: () => [
      ...readdirSync(packaging)
        .filter((name) => /\.(ini|conf)$/.test(name))
        .map((name) => readFileSync(join(packaging, name))),
      Buffer.from("[relayd]\noutput = /tmp\n; comment\n\n[other]\nlive-port=tcp://localhost:1 # x\n")
    ],
    read: (input) => void Ini.entries(input.toString("latin1"), "relayd")
  },
  proxy: {
    seeds: () => [
      Balancer.ipv4("192.0.2.7", 4711),
      Balancer.ipv6("2001:0db8:0000:0000:0000:0000:0000:0001", 7),
      Balancer.header({ command: 0x20, family: 0 }),
      Balancer.ipv4("192.0.2.7", 4711, [Balancer.entry(0x20, Buffer.from("0100000000220003612e62", "hex"))])
    ],
    read: (input) => void ProxyHeader.read(input)
  },
  metadata: {
    seeds: corpus((path) => path.endsWith("/metadata"), 8192),
    read: (input) => void Result.isSuccess(parse(input))
  },
  recovery: {
    seeds: corpus((path) => /channel0_0|ch_0|\/c_0/.test(path) && !path.endsWith(".idx"), 4096),
    read: (input) => {
      const files: Trees.Files = new Map<string, Uint8Array>([
        ["t/metadata", metadataBytes()],
        ["t/ch_0", input],
        ["t/index/ch_0.idx", input.subarray(0, input.length >> 1)]
      ])
      Check.check(Trees.tree(files), { readsEvents: "all" })
    }
  }
}

let known: Buffer | undefined
const metadataBytes = (): Buffer => {
  known ??= metadata()
  return known
}
