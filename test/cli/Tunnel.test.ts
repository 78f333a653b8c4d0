/**
 * `lttng-relay tunnel` as a process, with far ends that do what they like: bytes arrive as they were, in order, at the
 * pace of who reads them; ends, breaks and refusals are those of the other side.
 */
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram, toolboxProgram } from "../support/bundle.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import { asClient, asRelay, certificates, tunnel } from "../support/tunnels.ts"

const version = Buffer.from(`${"00".repeat(15)}080000000500000000000000020000000d`, "hex")
const answered = "000000020000000f"

/** What a relay says to the version, or how the connection ended. */
const ask = (port: number): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resume(Effect.succeed(`${code}`)))
    socket.on("data", (bytes: Buffer) => {
      resume(Effect.succeed(bytes.toString("hex", 0, 8)))
      socket.destroy()
    })
    socket.on("close", () => resume(Effect.succeed("closed")))
    socket.write(version)
  })

const residentMiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** A far end that does `serve` with each connection, and a tunnel's control port that leads there. */
const start = (serve: (socket: tls.TLSSocket) => void) =>
  Effect.gen(function* () {
    const authority = yield* Certificates.authority
    const folder = yield* Relays.temporaryDirectory("tunnel")
    const own = yield* authority.issue({ name: "far", alternatives: "DNS:localhost", use: "serverAuth" })
    writeFileSync(join(folder, "ca.pem"), authority.ca)
    const server = tls.createServer({ ...own, allowHalfOpen: true, ALPNProtocols: ["lttng-control"] }, serve)
    const serverPort = yield* listening(server)
    const port = yield* Ports.free
    const to = `--to=tls://localhost:${serverPort}`
    const running = yield* Process.daemon(process.execPath, [
      ...[toolboxProgram, "tunnel", to, `--listen=127.0.0.1:${port},,`, `--tls-ca=${folder}/ca.pem`]
    ])
    yield* Process.until("the tunnel to listen", () => Ports.listening(port))
    return { port, running }
  })

const quietly = <S extends net.Socket>(socket: S): S => socket.on("error", () => undefined)

const collected = (socket: net.Socket): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  socket.on("data", (bytes: Buffer) => parts.push(bytes))
  return once(socket, "end").then(() => Buffer.concat(parts))
}

/** Says `word` until it comes back: who is reset while the far end is behind tries anew, as targets do. */
const carried = async (port: number, word: string): Promise<{ readonly near: net.Socket; readonly isOwn: boolean }> => {
  const near = quietly(net.connect({ port, host: "127.0.0.1" }))
  near.write(word.repeat(100))
  const first = await new Promise<Buffer | undefined>((resolve) => {
    near.once("data", resolve)
    near.once("close", () => resolve(undefined))
  })
  return first === undefined ? carried(port, word) : { near, isOwn: first.toString().startsWith(word) }
}

describe("a tunnel", () => {
  it.live("carries each direction to its own end, and a break as that", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { port } = yield* start((far) => {
        quietly(far)
        void collected(far).then((all) => {
          heard.push(all.toString())
          if (all.toString() === "break") far.destroy()
          // The other direction goes on after this one's end.
          else setTimeout(() => far.end(`after ${all}`), 100)
        })
      })
      const near = quietly(net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }))
      near.end("ended")
      assert.strictEqual((yield* Effect.promise(() => collected(near))).toString(), "after ended")
      const broken = quietly(net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }))
      broken.end("break")
      yield* Effect.promise(() => once(broken, "close"))
      assert.deepStrictEqual(heard, ["ended", "break"])
    })
  )

  it.live("tells the far end of a connection that broke here, and not that it ended", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      const { port } = yield* start((far) => {
        far.on("error", ({ code }: NodeJS.ErrnoException) => void ends.push(`${code}`))
        far.on("end", () => void ends.push("end")).once("data", () => far.write("word"))
        far.on("close", () => void ends.push("closed"))
      })
      const near = quietly(net.connect({ port, host: "127.0.0.1" }))
      near.write("hello")
      yield* Effect.promise(() => once(near, "data"))
      near.resetAndDestroy()
      yield* Process.until("the far end to hear of it", () => ends.includes("closed"))
      assert.deepStrictEqual(ends, ["ECONNRESET", "closed"])
    })
  )

  it.live("holds up who writes while nobody reads, keeps no more than sockets do, and loses nothing", () =>
    Effect.gen(function* () {
      const fars: Array<tls.TLSSocket> = []
      const { port, running } = yield* start((far) => void fars.push(quietly(far).pause()))
      const near = quietly(net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }))
      const before = residentMiB(running.pid)
      const block = randomBytes(1 << 20)
      const [sent, received] = [createHash("sha256"), createHash("sha256")]
      let writtenCount = 0
      let isHeld = false
      // 64 MiB are more than sockets and buffers on the way hold.
      const total = 64
      const write = () => {
        for (isHeld = false; writtenCount < total && !isHeld; writtenCount++) {
          sent.update(block)
          isHeld = !near.write(block)
        }
        if (writtenCount === total) near.end()
      }
      near.on("drain", write)
      write()
      let last = -1
      yield* Process.until(
        "the writer to be held up",
        () => {
          const isStill = fars.length === 1 && last === near.bytesWritten - near.writableLength
          last = near.bytesWritten - near.writableLength
          return isStill
        },
        { everyMillis: 300 }
      )
      assert.isBelow(writtenCount, total)
      assert.isBelow(residentMiB(running.pid), before + 40)
      const far = fars[0] as tls.TLSSocket
      far.on("data", (bytes: Buffer) => received.update(bytes)).resume()
      yield* Effect.promise(() => once(far, "end"))
      assert.strictEqual(writtenCount, total)
      assert.strictEqual(received.digest("hex"), sent.digest("hex"))
      far.end()
      yield* Effect.promise(() => once(near.resume(), "close"))
    })
  )

  it.live("ends what cannot be decrypted, though nobody else does", () =>
    Effect.gen(function* () {
      const { port } = yield* start((socket) => {
        quietly(socket)
        const below = (socket as unknown as { readonly _parent: net.Socket })._parent
        socket.once("data", () => below.write(Buffer.concat([Buffer.of(0x17, 3, 3, 0, 100), randomBytes(100)])))
      })
      const near = quietly(net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }))
      near.write("hello")
      const code = yield* Effect.callback<string>((resume) => {
        near.on("error", ({ code = "" }: NodeJS.ErrnoException) => resume(Effect.succeed(code)))
        near.on("end", () => resume(Effect.succeed("end")))
        near.resume()
      })
      near.destroy()
      // A break, and no end.
      assert.strictEqual(code, "ECONNRESET")
    })
  )

  it.live(
    "carries a thousand at once, and leaves nothing of them",
    () =>
      Effect.gen(function* () {
        const { port, running } = yield* start((far) => void quietly(far).pipe(far))
        const before = residentMiB(running.pid)
        const all = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, index) => index),
          (index) => Effect.promise(() => carried(port, `${index} `)),
          { concurrency: "unbounded" }
        )
        assert.isTrue(all.every(({ isOwn }) => isOwn))
        assert.isBelow(residentMiB(running.pid), before + 200)
        for (const { near } of all) near.destroy()
        yield* Process.until("all of them to be gone", () => {
          const table = readFileSync(`/proc/${running.pid}/net/tcp`, "utf8")
          const own = `:${port.toString(16).toUpperCase()} `
          return table.split("\n").filter((line) => line.includes(own) && / 01 /.test(line)).length === 0
        })
      }).pipe(Effect.scoped),
    // A thousand handshakes, at each end, on a machine that may have others to do first.
    120_000
  )
})

Peers.describeWithPeers(["openssl"], "a tunnel to a relay", () => {
  it.live("finds out that it is refused however late that comes: where it would be answered", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const own = yield* authority.issue({ name: "far", alternatives: "DNS:localhost", use: "serverAuth" })
      const ca = join(yield* Relays.temporaryDirectory("late"), "ca.pem")
      writeFileSync(ca, authority.ca)
      const ALPNProtocols = ["lttng-control", "lttng-live"]
      const server = tls.createServer({ ...own, ALPNProtocols }, (socket) => socket.on("data", () => socket.destroy()))
      const port = yield* listening(server)
      const to = `--to=tls://localhost:${port}`
      for (const listen of ["127.0.0.1:5342,,", "127.0.0.1:,,5344"]) {
        const args = [toolboxProgram, "tunnel", "--check", to, `--listen=${listen}`, `--tls-ca=${ca}`]
        const { code, stderr } = yield* Process.attempt(process.execPath, args)
        assert.strictEqual(code, 1)
        assert.match(stderr, /it ends the connection before a word/)
      }
    })
  )

  it.live("resets what cannot be carried, ends what is refused, says why once a second, and goes on with a relay", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const wrong = yield* tunnel(relay, `tls://127.0.0.1:${relay.controlPort}`, [
        ...asClient(pki, "target-web1"),
        "--tls-name=other.example"
      ])
      const from = performance.now()
      for (let round = 0; round < 5; round++) assert.strictEqual(yield* ask(wrong.controlPort), "closed")
      yield* Process.said(wrong.tunnel, "TLS:")
      const saidCount = (yield* Process.lastSaid(wrong.tunnel)).match(/TLS:/g)?.length ?? 0
      assert.isAtMost(saidCount, 1 + Math.ceil((performance.now() - from) / 1000))

      const [control, data, live] = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
      const later = yield* tunnel(relay, `tls://localhost:${control}`, asClient(pki, "target-web1"))
      assert.strictEqual(yield* ask(later.controlPort), "ECONNRESET")
      yield* Process.said(later.tunnel, "Connection refused")
      const home = yield* Relays.temporaryDirectory("later")
      const ports = Object.entries({ C: control, D: data, L: live }).flatMap(([flag, port]) => [
        `-${flag}`,
        `tcp://127.0.0.1:${port}`
      ])
      yield* Process.daemon(process.execPath, [daemonProgram, ...ports, "-o", join(home, "traces"), ...asRelay(pki)], {
        env: { LTTNG_HOME: home, LTTNG_RUNDIR: join(home, "run") }
      })
      yield* Process.until("it to be reached", ask(later.controlPort), (answer) => answer === answered)
    })
  )

  it.live("says what is wrong with its own files before it begins, and of a refusal what may be", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const strange = yield* Certificates.authority
      const over = yield* strange.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" })
      const young = yield* strange.issue({ name: "young", from: "20490101000000Z", to: "20500101000000Z" })
      const folder = yield* Relays.temporaryDirectory("own")
      const write = (name: string, text: string) => {
        writeFileSync(join(folder, name), text)
        return join(folder, name)
      }
      const own = (name: string, { cert, key }: Certificates.Certificate) => [
        `--tls-ca=${join(pki, "ca.pem")}`,
        `--tls-cert=${write(`${name}.pem`, cert)}`,
        `--tls-key=${write(`${name}.key`, key)}`
      ]
      const empty = write("empty.pem", "")
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const to = `tls://localhost:${relay.controlPort}`
      const begin = (...args: ReadonlyArray<string>) =>
        Toolbox.attempt("tunnel", `--to=${to}`, "--listen=127.0.0.1:0,,", ...args)
      const [ca, cert] = [`--tls-ca=${pki}/ca.pem`, `--tls-cert=${pki}/target-web1.pem`]
      const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [[`--tls-ca=${empty}`], /empty.pem: there is no certificate in it/],
        [[ca, cert], /target-web1.pem: there is no private key in it/],
        [[ca, cert, `--tls-key=${pki}/relay.key`], /relay.key: not that of the certificate/],
        [[ca, "--check"], /connection before a word: it may ask for a certificate, and we have none/],
        [["--check", ...own("over", over)], /(CN=over, issued by .*) expired Jan {2}1 00:00:00 2021/],
        [["--check", ...own("young", young)], /\(CN=young, issued by .*\) is not valid before Jan {2}1 00:00:00 2049/]
      ]
      for (const [args, said] of wrong) {
        const { code, stderr } = yield* begin(...args)
        assert.strictEqual(code, 1, stderr)
        assert.match(stderr, said)
      }
      const near = yield* tunnel(relay, to, own("over", over))
      assert.notStrictEqual(yield* ask(near.controlPort), answered)
      yield* Process.said(near.tunnel, "expired Jan  1 00:00:00 2021")
    })
  )

  it.live("shows the certificate that is in its files when a connection comes, once it can be used", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      yield* Toolbox.run("certs", "target", "web2", pki)
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const own = join(yield* Relays.temporaryDirectory("own"), "own")
      yield* Process.run("cp", ["-r", pki, own])
      const near = yield* tunnel(relay, `tls://localhost:${relay.controlPort}`, asClient(own, "target-web1"))
      assert.strictEqual(yield* ask(near.controlPort), answered)
      const keep = net.connect(near.controlPort, "127.0.0.1")
      // Of another authority, that the relay does not know: what is in the files is what it shows.
      const strange = yield* Relays.temporaryDirectory("strange")
      yield* Toolbox.run("certs", "init", "--names=localhost", join(strange, "pki"))
      yield* Toolbox.run("certs", "target", "web1", join(strange, "pki"))
      yield* Process.run("cp", [join(strange, "pki/target-web1.pem"), own])
      yield* Effect.sleep("1100 millis")
      // The key is still that of the other.
      assert.strictEqual(yield* ask(near.controlPort), answered)
      yield* Process.run("cp", [join(strange, "pki/target-web1.key"), own])
      yield* Process.until("it to be refused", ask(near.controlPort), (answer) => answer !== answered)
      yield* Process.run("cp", [`${pki}/target-web2.pem`, `${own}/target-web1.pem`])
      yield* Process.run("cp", [`${pki}/target-web2.key`, `${own}/target-web1.key`])
      yield* Process.until("it to be taken", ask(near.controlPort), (answer) => answer === answered)
      assert.isFalse(keep.destroyed)
      keep.destroy()
    })
  )
})

Peers.describeWithPeers(["systemd-socket-activate", "openssl"], "a tunnel whose sockets are bound already", () => {
  it.live.each([["in their order", []] as const, ["by name", ["--fdname=live:control:data"]] as const])(
    "takes them, %s",
    ([, names]) =>
      Effect.gen(function* () {
        const pki = yield* certificates
        const relay = yield* Relays.start("ours", { args: asRelay(pki) })
        const ports = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
        const listen = ports.flatMap((port) => ["-l", `127.0.0.1:${port}`])
        const to = `--to=tls://localhost:${relay.controlPort}`
        const command = [process.execPath, toolboxProgram, "tunnel", to, ...asClient(pki, "target-web1")]
        yield* Process.daemon("systemd-socket-activate", [...listen, ...names, "-E", "PATH", ...command])
        yield* Process.until("somebody to listen", () => ports.every(Ports.listening))
        // The first connection starts it.
        const [first = 0, second = 0] = ports
        assert.strictEqual(yield* ask(names.length === 0 ? first : second), answered)
      }).pipe(Effect.scoped)
  )

  it.live("does not leave them behind: what goes on in the background has none of them", () =>
    Effect.gen(function* () {
      const given = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3</dev/null'
      const command = [process.execPath, toolboxProgram, "tunnel", "--to=tls://localhost:1", "--background"]
      const { code, stderr } = yield* Process.attempt("sh", ["-c", given, "sh", ...command])
      assert.deepStrictEqual([code, stderr], [2, "Error: --background: the service manager's sockets are here\n"])
    })
  )

  it.live("says which of them is none that it can listen on", () =>
    Effect.gen(function* () {
      const folder = yield* Relays.temporaryDirectory("sockets")
      const tunnel = [process.execPath, toolboxProgram, "tunnel", "--to=tls://localhost:1"]
      const given = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=live exec "$@" 3</dev/null'
      const file = yield* Process.daemon("sh", ["-c", given, "sh", ...tunnel])
      const path = join(folder, "socket")
      const unix = yield* Process.daemon("systemd-socket-activate", ["-l", path, "-E", "PATH", ...tunnel])
      // Its name is there before it listens, and whoever comes between is refused.
      const isTaken = Effect.callback<boolean>((resume) => {
        const near = net.connect(path).unref()
        near.once("error", () => resume(Effect.succeed(false)))
        near.once("connect", () => resume(Effect.succeed(true)))
      })
      yield* Process.until("the socket to take a connection", isTaken)
      for (const [running, role] of [
        [file, "live"],
        [unix, "control"]
      ] as const) {
        const said = yield* Process.said(running, "rror")
        assert.include(said, `Error: ${role}: descriptor 3 is no TCP socket that can listen\n`)
      }
    })
  )
})
