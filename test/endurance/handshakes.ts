/**
 * Strangers at a port with TLS: `node test/endurance/handshakes.ts [COUNT]` (100,000) against the commands in dist.
 * Garbage, hellos that stop, are too long, come in two pieces or as plain text, and whole ones that are not gone on
 * with, at a relay that runs as a process; meanwhile and afterwards honest clients are answered, from an address of
 * their own and from that of the strangers, and so is a plain target that records.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import * as Commands from "../../src/testing/PeerBytes.ts"

export interface Outcome {
  readonly count: number
  readonly seconds: number
  /** Of the relay, while they came and once they were gone; without them first. */
  readonly descriptors: { readonly before: number; readonly most: number; readonly after: number }
  readonly residentMiB: { readonly before: number; readonly most: number; readonly after: number }
  readonly logLines: number
  /** How long honest clients' handshakes and first answers took, in ms. */
  readonly honestMs: ReadonlyArray<number>
  /** The same from the strangers' address. */
  readonly besideMs: ReadonlyArray<number>
  /** Answers to the plain target, before the strangers came and while they did, in ms. */
  readonly plain: { readonly before: Answers; readonly meanwhile: Answers }
}

export interface Answers {
  readonly count: number
  readonly p50: number
  readonly p99: number
}

const openAtOnce = 200
const askEveryMillis = 5
const calmMillis = 2000
const holdMillis = 200
/** Who is kept for longer though it has ended keeps the next one waiting. */
const endedMillis = 5000
const honestEveryMillis = 1000
const version = Buffer.from(`${"00".repeat(15)}080000000500000000000000020000000d`, "hex")
const answered = "000000020000000f"

const helloOf = (): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (bytes: Buffer) => resolve(bytes) })
    tls.connect({ socket: wire, servername: "localhost" }).on("error", () => undefined)
  })

/** What a stranger says, in the pieces in which it is said. */
const formsOf = (hello: Buffer): ReadonlyArray<(number: number) => ReadonlyArray<Buffer>> => [
  () => [Buffer.of(0x16, 3, 1, 0xff, 0xff)],
  () => [Buffer.concat([Buffer.of(0x16, 3, 1, 0x02, 0, 1, 0, 1, 0xfc, 3, 3), Buffer.alloc(505, 0xa5)])],
  () => [Buffer.of(0x16, 3, 1, 0, 6, 1, 0xff, 0xff, 0xff, 3, 3)],
  () => [Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  () => [Buffer.of(0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10)],
  (number) => [hello.subarray(0, 1 + (number % (hello.length - 1)))],
  (number) => [hello.subarray(0, number % hello.length), hello.subarray(number % hello.length)],
  () => [hello],
  () => []
]

const statusOf = (pid: number): { readonly descriptors: number; readonly residentMiB: number } => ({
  descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
  residentMiB: Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
})

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Half of them end when they have said all, and wait for the relay to; the others break off. */
const stranger = async (port: number, pieces: ReadonlyArray<Buffer>, isEnding: boolean): Promise<void> => {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => undefined)
  const closed = once(socket.resume(), "close").catch(() => undefined)
  for (const piece of pieces) {
    socket.write(piece)
    if (pieces.length > 1) await pause(1)
  }
  if (isEnding) socket.end()
  const timer = setTimeout(() => socket.resetAndDestroy(), isEnding ? endedMillis : holdMillis)
  await closed
  clearTimeout(timer)
}

const honest = (port: number, ca: Buffer, localAddress = "127.0.0.9"): Promise<number> =>
  new Promise((resolve, reject) => {
    const from = performance.now()
    const below = net.connect({ port, host: "127.0.0.1", localAddress })
    const socket = tls.connect({ socket: below, servername: "localhost", ca })
    socket.on("error", reject).once("data", (bytes: Buffer) => {
      socket.destroy()
      if (bytes.toString("hex", 0, 8) === answered) resolve(performance.now() - from)
      else reject(new Error(`answered ${bytes.toString("hex")}`))
    })
    socket.write(version)
  })

/** A plain session, which asks again and again until it is told to stop; every answer has to come. */
const target = async (port: number) => {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true })
  const times: Array<number> = []
  const answer = async (request: Uint8Array, byteCount: number) => {
    socket.write(request)
    const bytes = socket.read(byteCount) as Buffer | null
    if (bytes !== null) return bytes
    await once(socket, "readable", { signal: AbortSignal.timeout(20_000) })
    return socket.read(byteCount) as Buffer
  }
  const { join, message, none, numbers, u32, u64 } = Commands
  await answer(message(numbers.VERSION, join(u32(2), u32(3))), 8)
  const id = (await answer(message(numbers.CREATE_SESSION, none), 12)).readBigUInt64BE(0)
  const question = message(numbers.BEGIN_DATA_PENDING, u64(id))
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const from = performance.now()
      const bytes = await answer(question, 4)
      if (bytes.readUInt32BE(0) !== 10) throw new Error(`answered ${bytes.toString("hex")}`)
      times.push(performance.now() - from)
      await pause(askEveryMillis)
    }
    socket.destroy()
  })()
  const taken = (): Answers => {
    const sorted = times.splice(0).toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
    return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
  }
  const stop = () => {
    isOver = true
    return asking
  }
  return { taken, stop }
}

const portFrom = async (file: string): Promise<number> => {
  for (let tries = 0; tries < 300; tries++) {
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""
    if (text !== "") return Number(text)
    await pause(50)
  }
  throw new Error(`no port in ${file}`)
}

/** `entry`: the daemon's JavaScript. */
export const run = async (entry: string, count: number): Promise<Outcome> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "handshakes-"))
  const at = (name: string) => path.join(folder, name)
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("relay.key")]
  spawnSync("openssl", ["req", "-x509", ...key, "-out", at("relay.pem"), ...names, "-days", "2"])
  const ports = ["-C", "-D", "-L"].flatMap((option) => [option, "tcp://127.0.0.1:0"])
  const own = [
    "--dynamic-port-allocation",
    "--tls=allow",
    `--tls-cert=${at("relay.pem")}`,
    `--tls-key=${at("relay.key")}`
  ]
  const log = fs.openSync(at("log"), "w")
  const relay = spawn(process.execPath, [entry, "-o", at("traces"), ...ports, ...own], {
    stdio: ["ignore", log, log],
    env: { ...process.env, LTTNG_HOME: folder, LTTNG_RUNDIR: at("run") }
  })
  const died = once(relay, "exit").then(([status, signal]) => {
    throw new Error(`the relay ended with ${signal ?? status}: ${fs.readFileSync(at("log"), "utf8").slice(-1000)}`)
  })
  let sampler: NodeJS.Timeout | undefined
  const measure = async (): Promise<Outcome> => {
    const pid = relay.pid as number
    const port = await portFrom(at("run/relayd/control.port"))
    const ca = fs.readFileSync(at("relay.pem"))
    const forms = formsOf(await helloOf())
    const honestMs = [await honest(port, ca)]
    const recorded = await target(port)
    await pause(calmMillis)
    const plainBefore = recorded.taken()
    const before = statusOf(pid)
    const most = { ...before }
    const look = () => {
      const { descriptors, residentMiB } = statusOf(pid)
      most.descriptors = Math.max(most.descriptors, descriptors)
      most.residentMiB = Math.max(most.residentMiB, residentMiB)
    }
    const from = performance.now()
    sampler = setInterval(look, 100)
    let begun = 0
    const strangers = Array.from({ length: openAtOnce }, async () => {
      while (begun < count) {
        const number = begun++
        const pieces = forms[number % forms.length]?.(number) ?? []
        await stranger(port, pieces, Math.floor(number / forms.length) % 2 === 0)
      }
    })
    let isOver = false
    const besideMs: Array<number> = []
    const asking = [
      { times: honestMs, address: "127.0.0.9" },
      { times: besideMs, address: "127.0.0.1" }
    ].map(async ({ address, times }) => {
      while (!isOver) {
        times.push(await honest(port, ca, address))
        await pause(honestEveryMillis)
      }
    })
    await Promise.all(strangers)
    isOver = true
    await Promise.all(asking)
    const plain = { before: plainBefore, meanwhile: recorded.taken() }
    await recorded.stop()
    clearInterval(sampler)
    const seconds = (performance.now() - from) / 1000
    honestMs.push(await honest(port, ca))
    for (let tries = 0; tries < 200 && statusOf(pid).descriptors > before.descriptors; tries++) await pause(100)
    const after = statusOf(pid)
    const logLines = fs.readFileSync(at("log"), "utf8").split("\n").length
    const of = (name: "descriptors" | "residentMiB") => ({ before: before[name], most: most[name], after: after[name] })
    return {
      count,
      seconds,
      descriptors: of("descriptors"),
      residentMiB: of("residentMiB"),
      logLines,
      honestMs,
      besideMs,
      plain
    }
  }
  try {
    return await Promise.race([measure(), died])
  } finally {
    clearInterval(sampler)
    relay.kill()
    await died.catch(() => undefined)
    fs.rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const entry = path.join(import.meta.dirname, "../../dist/bin/lttng-relayd.js")
  console.log(JSON.stringify(await run(entry, Number(process.argv[2] ?? 100_000)), undefined, 1))
}
