/**
 * `repair --to` over directories of every kind: what it cannot read it names, and goes on with the rest; where the copy
 * cannot be written there is none. As the user who may not, and with calls that fail.
 */
import * as fs from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiskCopy from "../../src/recovery/DiskCopy.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Faulty from "../support/faulty.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const recorded = Trees.recorded("live1")
const nameOf = (suffix: string) => [...recorded.keys()].find((path) => path.endsWith(suffix)) as string
const nameIn = (part: string) => [...recorded.keys()].find((path) => path.includes(part)) as string

interface Place {
  readonly home: string
  readonly from: string
  readonly to: string
}

/** Two sessions: what happens to the one is no concern of the other. */
const place = Effect.map(Relays.temporaryDirectory("copy"), (home): Place => {
  const from = join(home, "from")
  for (const session of ["a", "b"]) Trees.write(recorded, join(from, session))
  return { home, from, to: join(home, "to") }
})

const repair = ({ from, to }: Place, options: Process.Options = {}, prefix: ReadonlyArray<string> = []) => {
  const [command = "", ...args] = [...prefix, process.execPath, toolboxProgram, "repair", from, `--to=${to}`]
  return Process.attempt(command, args, options)
}

const isWhole = (directory: string): boolean =>
  [...recorded].every(([path, bytes]) => Buffer.compare(fs.readFileSync(join(directory, path)), bytes) === 0)

const isAbsent = ({ to }: Place): boolean => !fs.existsSync(to)

it.live("a copy leaves no descriptor open, of however many files", () =>
  Effect.gen(function* () {
    const where = yield* place
    const openCount = () => fs.readdirSync("/proc/self/fd").length
    const before = openCount()
    DiskCopy.copy(where.from, where.to)
    assert.isAtMost(openCount(), before)
  })
)

/** Others may read it, whatever the umask was. */
const makeReadable = (directory: string): void => {
  for (const path of fs.readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    fs.chmodSync(join(directory, path), 0o755)
  }
  fs.chmodSync(directory, 0o755)
}

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

Peers.describeWithPeers(["setpriv", "gcc", "unshare"], "a copy to be repaired", () => {
  it.live.each(["64-bit/c_0", "64-bit/metadata", "index/c_1.idx", "64-bit", "index", "ust"])(
    "of a directory where nobody may read %s: it is named, the rest is there",
    (suffix) =>
      Effect.gen(function* () {
        const where = yield* place
        fs.chmodSync(where.home, 0o777)
        makeReadable(where.from)
        const inside = nameOf(`/${suffix}`) ?? nameIn(`/${suffix}/`)
        const forbidden = `a/${inside.slice(0, inside.indexOf(`/${suffix}`) + suffix.length + 1)}`
        fs.chmodSync(join(where.from, forbidden), 0)
        const { code, stdout, stderr } = yield* repair(where, {}, nobody)
        assert.strictEqual(code, 1, stdout + stderr)
        assert.include(stderr, `left out: ${forbidden}: Permission denied`)
        assert.isTrue(isWhole(join(where.to, "b")))
        // What others have, or say, is there again.
        const isRestored = /metadata$|idx$/.test(suffix)
        assert.strictEqual(fs.existsSync(join(where.to, forbidden)), isRestored)
      })
  )

  it.live("of a file that the disk cannot read: it is named, the rest is there", () =>
    Effect.gen(function* () {
      const where = yield* place
      fs.writeFileSync(join(where.home, "fault"), `read 5 from/a/${nameOf("/64-bit/c_0")}`)
      const { code, stderr, stdout } = yield* repair(where, { cwd: where.home, env: Faulty.env() })
      assert.strictEqual(code, 1, stdout)
      assert.match(stderr, /left out: a.*c_0: from byte 0 on: Input\/output error/)
      assert.isTrue(isWhole(join(where.to, "b")))
      assert.strictEqual(fs.statSync(join(where.to, "a", nameOf("/64-bit/c_0"))).size, 0)
    })
  )

  it.live.each([
    ["write", 28],
    ["write", 122],
    ["write", 5],
    ["open", 24],
    ["mkdir", 30]
  ])("onto a disk that fails (%s, %i): there is none, and it says so", ([operation, code]) =>
    Effect.gen(function* () {
      const where = yield* place
      fs.writeFileSync(join(where.home, "fault"), `${operation} ${code} to/.copying/b`)
      const outcome = yield* repair(where, { cwd: where.home, env: Faulty.env() })
      assert.strictEqual(outcome.code, 1)
      assert.match(outcome.stderr, /cannot write the copy: .*nothing of it is left/)
      assert.isTrue(isAbsent(where))
      assert.isTrue(isWhole(join(where.from, "a")))
    })
  )

  it.live("changes nothing that a disk that is nearly full has no room for", () =>
    Effect.gen(function* () {
      const mount = yield* Relays.temporaryDirectory("nearly-full")
      const program = `
        const { apply } = await import(${JSON.stringify(new URL("../../src/recovery/DiskTree.ts", import.meta.url))})
        for (const change of [
          { kind: "write", path: "metadata", bytes: new Uint8Array(20_000) },
          { kind: "aside", path: "metadata", to: ".aside", ranges: [{ from: 0, to: 20_000 }] }
        ]) try { apply("${mount}", change) } catch ({ code }) { console.log(code) }`
      const script = [
        `mount -t tmpfs -o size=64k none '${mount}' && cd '${mount}' && head -c 20000 /dev/zero | tr '\\0' m > metadata`,
        "head -c 64k /dev/zero > fill 2>/dev/null; truncate -s -4096 fill",
        `"$0" --input-type=module -e '${program}'; tr -d m < metadata | wc -c; stat -c %s metadata .aside; ls -A`
      ].join("\n")
      const { stdout } = yield* Process.run("unshare", ["--mount", "sh", "-c", script, process.execPath])
      assert.strictEqual(stdout, "ENOSPC\nENOSPC\n0\n20000\n0\n.aside\nfill\nmetadata\n")
    })
  )

  it.live("onto a small disk, and one that is only read", () =>
    Effect.gen(function* () {
      const where = yield* place
      const mount = join(where.home, "small")
      fs.mkdirSync(mount)
      const inside = (options: string, rest: string) =>
        Process.attempt("unshare", ["--mount", "sh", "-c", `mount -t tmpfs -o ${options} none ${mount} && ${rest}`])
      const command = `${process.execPath} ${toolboxProgram} repair ${where.from} --to=${mount}`
      const full = yield* inside("size=128k", `${command}; echo status $?; ls -A ${mount}`)
      assert.match(full.stderr, /No space left on device; nothing of it is left/)
      assert.match(full.stdout, /status 1\n$/)
      const readOnly = yield* inside("ro", `${command}/copy; echo status $?`)
      assert.match(readOnly.stderr, /Read-only file system/)
      assert.match(readOnly.stdout, /status 1\n$/)
    })
  )

  it.live("of what is no file: links lead where they led, names are bytes, the others are named", () =>
    Effect.gen(function* () {
      const where = yield* place
      const bytes = Buffer.concat([Buffer.from(`${where.from}/`), Buffer.from([0x66, 0xff, 0xfe])])
      fs.writeFileSync(bytes, "bytes")
      yield* Process.run("mkfifo", [join(where.from, "fifo")])
      const socket = join(where.from, "socket")
      const server = createServer()
      yield* Effect.promise(() => new Promise<void>((done) => void server.listen(socket, done)))
      fs.symlinkSync("a", join(where.from, "latest"))
      fs.symlinkSync("../outside", join(where.from, "out"))
      fs.symlinkSync("nowhere", join(where.from, "broken"))
      const { code, stderr, stdout } = yield* repair(where)
      assert.strictEqual(code, 0, stdout + stderr)
      assert.include(stderr, "left out: fifo: a FIFO")
      assert.include(stderr, "left out: socket: a socket")
      yield* Effect.promise(() => new Promise((done) => server.close(done)))
      assert.strictEqual(fs.readlinkSync(join(where.to, "latest")), "a")
      assert.strictEqual(fs.readlinkSync(join(where.to, "out")), join(where.home, "outside"))
      assert.strictEqual(fs.readlinkSync(join(where.to, "broken")), "nowhere")
      assert.include(
        fs.readdirSync(where.to, "buffer").map((name) => name.toString("hex")),
        "66fffe"
      )
      assert.isTrue(isWhole(join(where.to, "a")) && isWhole(join(where.to, "b")))
    })
  )

  it.live.each([
    ["No such file or directory", 2],
    ["Input/output error", 5],
    ["Too many open files", 24]
  ])("of a file that cannot be opened any more (%s): it is named, the rest is there", ([name, number]) =>
    Effect.gen(function* () {
      const where = yield* place
      fs.writeFileSync(join(where.home, "fault"), `look ${number} from/a/${nameOf("/64-bit/c_0")}`)
      const { code, stderr } = yield* repair(where, { cwd: where.home, env: Faulty.env() })
      assert.strictEqual(code, 1)
      assert.include(stderr, `left out: a/${nameOf("/64-bit/c_0")}: ${name}`)
      assert.isTrue(isWhole(join(where.to, "b")))
      assert.isFalse(fs.existsSync(join(where.to, "a", nameOf("/64-bit/c_0"))))
    })
  )

  it.live("takes no room for what a crash left without bytes", () =>
    Effect.gen(function* () {
      const where = yield* place
      const [path, holeBytes] = [join(where.from, "long"), 128 * 1024 ** 2 + 1]
      fs.writeFileSync(path, "begin")
      fs.truncateSync(path, holeBytes)
      fs.appendFileSync(path, "end")
      const { code, stderr } = yield* repair(where)
      assert.strictEqual(code, 0, stderr)
      const copy = join(where.to, "long")
      yield* Process.run("cmp", [path, copy])
      assert.isBelow(fs.statSync(copy).blocks * 512, 8 * 1024 ** 2)
    })
  )
})
