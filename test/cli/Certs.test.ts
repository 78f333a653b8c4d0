/**
 * `lttng-relay certs`: what is revoked and what is renewed, as openssl reads it and as relays do that run meanwhile.
 */
import { X509Certificate } from "node:crypto"
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import * as OpenSsl from "../../src/cli/certs/OpenSsl.ts"
import * as Revocation from "../../src/cli/certs/Revocation.ts"
import { SyntheticTrace, Target } from "../../src/index.ts"
import { termsOf } from "../../src/protocol/RevocationLists.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import { asClient, asRelay } from "../support/tunnels.ts"

it.live("a certificate that is revoked is let in no more, also one by one, also where paths are strange", () =>
  Effect.gen(function* () {
    const pki = join(yield* Relays.temporaryDirectory("pki"), "p $k'#`\"i\\")
    const { stdout: advice } = yield* Toolbox.run("certs", "init", "--names=localhost", pki)
    const words = yield* Process.run("sh", ["-c", `printf '%s\\n' ${advice}`])
    assert.include(words.stdout.split("\n"), `--tls-client-ca=${join(pki, "ca.pem")}`)
    for (const name of ["web1", "web2", "web3"]) yield* Toolbox.run("certs", "target", name, pki)
    const revoke = (name: string) => Toolbox.attempt("certs", "revoke", "target", name, pki)
    const codes = [yield* revoke("web1"), yield* revoke("web1"), yield* revoke("nobody"), yield* revoke("../web2")]
    assert.deepStrictEqual(
      codes.map(({ code }) => code),
      [0, 1, 1, 2]
    )
    const list = join(pki, "revoked.pem")
    const verified = (name: string) => {
      const args = ["verify", "-crl_check", "-CAfile", join(pki, "ca.pem"), "-CRLfile", list]
      return Effect.map(Process.attempt("openssl", [...args, join(pki, `target-${name}.pem`)]), ({ code }) => code)
    }
    assert.deepStrictEqual([yield* verified("web1"), yield* verified("web2")], [2, 0])

    const relay = yield* Relays.start("ours", { args: [...asRelay(pki), `--tls-crl=${list}`] })
    const isTaken = (name: string) => {
      const to = `--to=tls://localhost:${relay.controlPort}`
      const args = [toolboxProgram, "tunnel", "--check", to, ...asClient(pki, `target-${name}`)]
      return Effect.map(Process.attempt(process.execPath, args), ({ code }) => code === 0)
    }
    assert.deepStrictEqual([yield* isTaken("web1"), yield* isTaken("web2")], [false, true])
    yield* Process.said(relay.process, "CERT_REVOKED")
    yield* revoke("web2")
    yield* Process.until("the other to be refused", isTaken("web2"), (taken) => !taken)
    assert.deepStrictEqual([yield* isTaken("web1"), yield* isTaken("web3")], [false, true])
  })
)

it.live("lists of two authorities that are made here are told apart, though both have one name", () =>
  Effect.gen(function* () {
    const folder = yield* Relays.temporaryDirectory("pki")
    const at = (name: string) => join(folder, name)
    const all = (file: string) => ["one", "two"].map((name) => readFileSync(join(folder, name, file), "utf8")).join("")
    for (const name of ["one", "two"]) {
      yield* Authority.init(at(name), ["localhost"])
      for (const target of ["kept", "gone"]) yield* Authority.client(at(name), "target", target)
      yield* Revocation.revoke(at(name), "target", "gone")
    }
    writeFileSync(at("ca.pem"), all("ca.pem"))
    writeFileSync(at("lists.pem"), all("revoked.pem"))
    for (const name of ["one", "two"]) {
      const verified = (target: string) =>
        Process.attempt("openssl", [
          ...["verify", "-crl_check_all", "-CAfile", at("ca.pem"), "-CRLfile", at("lists.pem")],
          join(at(name), `target-${target}.pem`)
        ])
      const [kept, gone] = [yield* verified("kept"), yield* verified("gone")]
      assert.deepStrictEqual([kept.code, /certificate revoked/.test(gone.stderr)], [0, true], kept.stderr)
    }
  })
)

const attempt = (...args: ReadonlyArray<string>) => Toolbox.attempt("certs", ...args)

it.live(
  "an attempt that broke off behind the authority is gone on with, and so is one without a relay's certificate",
  () =>
    Effect.gen(function* () {
      const pki = join(yield* Relays.temporaryDirectory("pki"), "pki")
      const init = (...names: ReadonlyArray<string>) => attempt("init", `--names=${names.join(",")}`, pki)
      yield* init("localhost")
      const authority = readFileSync(join(pki, "ca.pem"), "utf8")
      for (const file of ["relay.pem", "relay.key"]) rmSync(join(pki, file))
      // Nothing of it is lost where this breaks off again.
      const broken = yield* Process.attempt(
        process.execPath,
        [toolboxProgram, "certs", "init", "--names=localhost", pki],
        {
          env: { ...process.env, PATH: "/nowhere" }
        }
      )
      assert.deepStrictEqual([broken.code, readdirSync(pki).sort()], [1, ["ca.key", "ca.pem"]])
      assert.strictEqual((yield* init("relay.example")).code, 0)
      assert.strictEqual(readFileSync(join(pki, "ca.pem"), "utf8"), authority)
      const relay = new X509Certificate(readFileSync(join(pki, "relay.pem")))
      assert.isTrue(relay.checkIssued(new X509Certificate(authority)))
      assert.strictEqual(relay.checkHost("relay.example"), "relay.example")
      rmSync(join(pki, "relay.pem"))
      assert.match((yield* init("localhost")).stderr, /relay.key: is there without a certificate: remove it/)
    })
)

it.live("what is in the way is said in one line: files that are none, no place for what openssl is told", () =>
  Effect.gen(function* () {
    const pki = join(yield* Relays.temporaryDirectory("pki"), "pki")
    const init = ["certs", "init", "--names=localhost", pki]
    const env = { ...process.env, TMPDIR: "/nowhere" }
    const nowhere = yield* Process.attempt(process.execPath, [toolboxProgram, ...init], { env })
    assert.deepStrictEqual([nowhere.code, nowhere.stderr], [1, "Error: /nowhere: No such file or directory\n"])
    writeFileSync(join(pki, "ca.key"), "")
    const half = yield* attempt("init", "--names=localhost", pki)
    const why = "is there without a certificate: remove it, if an attempt broke off"
    assert.deepStrictEqual([half.code, half.stderr], [1, `Error: ${pki}/ca.key: ${why}\n`])
    rmSync(join(pki, "ca.key"))
    yield* Toolbox.run(...init)
    const again = yield* attempt("init", "--names=localhost", pki)
    const renewed = "is there already: lttng-relay certs renew makes it valid for longer"
    assert.deepStrictEqual([again.code, again.stderr], [1, `Error: ${pki}/ca.pem: ${renewed}\n`])
    const file = yield* attempt("init", "--names=localhost", join(pki, "ca.key"))
    const what = "this is a file: name another directory, or move it away"
    assert.deepStrictEqual([file.code, file.stderr], [1, `Error: ${pki}/ca.key: ${what}\n`])
    writeFileSync(join(pki, "ca.pem"), "-----BEGIN CERTIFICATE-----\nMIIB")
    for (const args of [["list"], ["init", "--names=localhost"], ["target", "web1"], ["renew", "authority"]]) {
      const { code, stderr } = yield* attempt(...args, pki)
      assert.deepStrictEqual([code, stderr], [1, `Error: ${pki}/ca.pem: it is cut off\n`], args.join(" "))
    }
  })
)

it.live("where an openssl fails that is too old, that is told; of others what they say", () =>
  Effect.gen(function* () {
    const folder = yield* Relays.temporaryDirectory("pki")
    const why = "variable lookup failed for signing::serial"
    const told = (version: string) =>
      Effect.gen(function* () {
        const script = `#!/bin/sh\n[ "$1" = version ] && echo "${version}" && exit 0\necho "${why}" >&2\nexit 1\n`
        writeFileSync(join(folder, "openssl"), script, { mode: 0o755 })
        const init = [toolboxProgram, "certs", "init", "--names=localhost", join(folder, "pki")]
        const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
        const { code, stderr } = yield* Process.attempt(process.execPath, init, { env })
        assert.strictEqual(code, 1)
        return stderr.replace(`Error: ${folder}/pki/ca.pem: `, "")
      })
    for (const version of ["OpenSSL 1.1.1w  11 Sep 2023", "LibreSSL 3.8.2"])
      assert.strictEqual(yield* told(version), `${why} (openssl is ${version}: OpenSSL 3.0 or later is needed)\n`)
    for (const version of ["OpenSSL 3.0.19 27 Jan 2026", "OpenSSL 10.0.0"])
      assert.strictEqual(yield* told(version), `${why}\n`)
  })
)

it("of what openssl says of a key that it may not read, the file and the system's reason are told", () => {
  const unread = "Could not open file or uri for loading CA private key from pki/ca.key"
  const complaint = [
    "Using configuration from openssl.cnf",
    unread,
    "80AB:error:16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme:store_register.c:237:scheme=file",
    "80AB:error:8000000D:system library:BIO_new_file:Permission denied:bss_file.c:67:calling fopen(pki/ca.key, rb)",
    "80AB:error:10080002:BIO routines:BIO_new_file:system lib:bss_file.c:77:"
  ]
  assert.strictEqual(OpenSsl.reasonIn(complaint.join("\n")), `${unread}: Permission denied`)
  assert.strictEqual(OpenSsl.reasonIn(complaint.slice(0, 2).join("\n")), unread)
})

it.live("names that can be none are refused, and nothing is left of an attempt; others are good, however long", () =>
  Effect.gen(function* () {
    const folder = yield* Relays.temporaryDirectory("pki")
    const pki = join(folder, "pki")
    for (const names of [
      "",
      "999.1.1.1",
      "10.0.0",
      "b\u00fcro",
      "two words",
      "a/b",
      "fe80::1%eth0",
      "*",
      "a.*.b",
      "*.lan",
      "*.lan.",
      "a..b",
      "x,-"
    ]) {
      const { code, stderr } = yield* attempt("init", `--names=${names}`, pki)
      assert.deepStrictEqual([code, stderr.trim().split("\n").length, readdirSync(folder)], [2, 1, []], names)
    }
    const long = `${"relay".repeat(12)}.${"a".repeat(60)}.example`
    const wanted = ["*.example.org", "10.0.0.1", "2001:db8::1", "xn--bro-hoa.example", long]
    assert.strictEqual((yield* attempt("init", `--names=${wanted.join(", ")}`, pki)).code, 0)
    const names = new X509Certificate(readFileSync(join(pki, "relay.pem")))
    for (const name of ["any.example.org", "xn--bro-hoa.example", long])
      assert.strictEqual(names.checkHost(name) !== undefined, true)
    for (const address of ["10.0.0.1", "2001:db8::1"]) assert.isDefined(names.checkIP(address))
    assert.isUndefined(names.checkHost("other.example"))

    const before = readdirSync(pki)
    // No file can have such a name.
    for (const name of ["../x", "\u00fc", "a b", "x".repeat(300), "-x", ""]) {
      const { code, stderr } = yield* attempt("target", "--", name, pki)
      assert.deepStrictEqual([code, stderr.trim().split("\n").length], [name.length > 255 ? 1 : 2, 1], stderr)
    }
    assert.deepStrictEqual(readdirSync(pki), before)
    assert.strictEqual((yield* attempt("target", "x".repeat(200), pki)).code, 0)
    const target = new X509Certificate(readFileSync(join(pki, `target-${"x".repeat(200)}.pem`)))
    assert.strictEqual(target.subjectAltName, `URI:lttng://target/${"x".repeat(200)}`)
    assert.strictEqual((yield* attempt("target", "x".repeat(200), pki)).code, 1)
    const keys = readdirSync(pki).filter((file) => file.endsWith(".key"))
    assert.deepStrictEqual(
      keys.map((file) => statSync(join(pki, file)).mode & 0o777),
      keys.map(() => 0o600)
    )
  })
)

it.live(
  "renewed under load: a relay takes its new certificate, and a session goes on; a client's is revoked with all before",
  () =>
    Effect.gen(function* () {
      const pki = yield* Relays.temporaryDirectory("pki")
      yield* Authority.init(pki, ["localhost", "127.0.0.1", "::1"])
      yield* Authority.client(pki, "target", "web1")
      const text = (file: string) => readFileSync(join(pki, file), "utf8")
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const identity = () => ({
        ca: text("ca.pem"),
        certificate: text("target-web1.pem"),
        key: text("target-web1.key")
      })
      const shown = Effect.callback<X509Certificate, Error>((resume) => {
        const { ca, certificate: cert, key } = identity()
        const socket = tls.connect({ host: "127.0.0.1", port: relay.controlPort, ca, cert, key }, () => {
          resume(Effect.succeed(socket.getPeerX509Certificate() as X509Certificate))
          socket.destroy()
        })
        socket.on("error", (cause) => resume(Effect.fail(cause)))
      })
      const before = yield* shown
      const uuid = "0123456789abcdef0123456789abcdef"
      const target = yield* Target.make({
        url: `tls://localhost:${relay.controlPort}`,
        tls: identity(),
        hostname: "web1"
      })
      const session = yield* target.session({ name: "s" })
      const stream = yield* session.stream({ path: "ust/uid/0/64-bit", channel: "ch_0" })
      const generator = SyntheticTrace.generator(uuid, 0, 4096, 0n)
      let count = 0
      const packets = Effect.forever(
        Effect.suspend(() => Effect.andThen(stream.packet(generator.next(BigInt(++count) * 1000n)), Effect.sleep(1)))
      )
      const renewed = Effect.gen(function* () {
        for (let round = 0; round < 3; round++) {
          const old = yield* shown
          yield* Authority.renewRelay(pki, undefined)
          yield* Process.until("the relay to show it", shown, ({ serialNumber }) => serialNumber !== old.serialNumber, {
            seconds: 60
          })
        }
        // In use: what is shown next is another one, of the same key.
        yield* Authority.renewClient(pki, "target", "web1")
      })
      yield* Effect.raceFirst(packets, renewed)
      yield* session.stored
      const after = yield* shown
      assert.strictEqual(after.subjectAltName, before.subjectAltName)
      assert.deepStrictEqual(
        after.publicKey.export({ type: "spki", format: "der" }),
        before.publicKey.export({ type: "spki", format: "der" })
      )
      const files = readdirSync(relay.output, { recursive: true, encoding: "utf8" })
      const data = files.find((file) => file.endsWith("/ch_0")) ?? ""
      assert.isAbove(count, 10)
      assert.isAtLeast(statSync(join(relay.output, data)).size, (count - 1) * 4096)
      assert.notInclude(yield* Process.lastSaid(relay.process), "TLS_IDENTITY")
      // Neither in force nor earlier ones are let in any more.
      yield* Revocation.revoke(pki, "target", "web1")
      const earlier = readdirSync(join(pki, "renewed", "target-web1"))
      assert.lengthOf(earlier, 1)
      for (const certificate of [join(pki, "target-web1.pem"), join(pki, "renewed", "target-web1", `${earlier[0]}`)]) {
        const args = ["verify", "-crl_check", "-CAfile", join(pki, "ca.pem"), "-CRLfile", join(pki, "revoked.pem")]
        assert.include((yield* Process.attempt("openssl", [...args, certificate])).stderr, "revoked", certificate)
      }
      const again = yield* attempt("renew", "target", "web1", pki)
      assert.deepStrictEqual([again.code, /revoked/.test(again.stderr)], [1, true])
    }).pipe(Effect.scoped)
)

it.live("an authority that is renewed: what either signed is good by both, and nothing is signed for longer", () =>
  Effect.gen(function* () {
    const pki = yield* Relays.temporaryDirectory("pki")
    const none = { code: 0, stdout: "", stderr: `no certificates in ${pki}\n` }
    assert.deepInclude(yield* attempt("list", pki), none)
    const { authority } = yield* Authority.init(pki, ["localhost"], 20)
    yield* Toolbox.run("certs", "target", "early", pki)
    yield* Toolbox.run("certs", "target", "gone", pki)
    yield* Toolbox.run("certs", "revoke", "target", "gone", pki)
    // As it is when it is nearly over.
    const [key, at] = [join(pki, "ca.key"), authority.certificate]
    const short = ["x509", "-in", at, "-signkey", key, "-days", "100", "-out", `${at}.short`]
    yield* Process.run("openssl", short)
    renameSync(`${at}.short`, at)
    const old = join(pki, "old-ca.pem")
    copyFileSync(at, old)
    yield* Toolbox.run("certs", "target", "late", pki)
    const end = (file: string) => Date.parse(new X509Certificate(readFileSync(join(pki, file))).validTo)
    assert.isAtMost(end("target-late.pem"), end("ca.pem"))
    const { stdout: listed } = yield* Toolbox.run("certs", "list", pki)
    const lines = listed.trim().split("\n")
    assert.match(`${lines[0]}`, /^relay\.pem {2}localhost {2}until \S+, (18|19) days: lttng-relay certs renew relay /)
    assert.match(listed, /^target-gone\.pem .*revoked$/m)
    assert.match(listed, /^ca\.pem {2}until \S+, (99|100) days$/m)
    const { stdout: json } = yield* Toolbox.run("certs", "list", "--json", pki)
    const kept = json.trimEnd().split("\n")
    assert.deepStrictEqual(
      kept.map((line) => JSON.parse(line)).find(({ isRevoked }) => isRevoked),
      { file: "target-gone.pem", names: ["lttng://target/gone"], endMillis: end("target-gone.pem"), isRevoked: true }
    )
    assert.strictEqual(kept.length, lines.length)
    yield* Toolbox.run("certs", "renew", "authority", pki)
    yield* Toolbox.run("certs", "renew", "target", "late", pki)
    yield* Toolbox.run("certs", "renew", "relay", "--names=relay.example,192.0.2.7", pki)
    assert.isAbove(end("ca.pem"), end("target-late.pem"))
    assert.isAbove(end("target-late.pem"), Date.now() + 800 * 86_400_000)
    const relay = new X509Certificate(readFileSync(join(pki, "relay.pem")))
    assert.deepStrictEqual(
      [relay.checkHost("relay.example"), relay.checkIP("192.0.2.7")],
      ["relay.example", "192.0.2.7"]
    )
    const verified = (ca: string, file: string) =>
      Effect.map(
        Process.attempt("openssl", [
          ...["verify", "-crl_check", "-CAfile", ca, "-CRLfile", join(pki, "revoked.pem")],
          join(pki, file)
        ]),
        ({ code }) => code === 0
      )
    for (const ca of [old, at]) {
      for (const file of ["target-early.pem", "target-late.pem", "relay.pem"]) assert.isTrue(yield* verified(ca, file))
      assert.isFalse(yield* verified(ca, "target-gone.pem"))
    }
    assert.strictEqual((yield* attempt("renew", "target", "nobody", pki)).code, 1)
    assert.strictEqual((yield* attempt("renew", "target", "../ca", pki)).code, 2)
    assert.strictEqual((yield* attempt("renew", "relay", "--names=a b", pki)).code, 2)
    assert.strictEqual((yield* attempt("list", join(pki, "nowhere"))).code, 1)
  })
)

it.live(
  "what is made is good on hosts whose clocks are behind: from a day before on, the list of what is revoked too",
  () =>
    Effect.gen(function* () {
      const pki = yield* Relays.temporaryDirectory("pki")
      const dayMillis = 86_400_000
      // Certificates count whole seconds.
      const startedAt = Math.floor(Date.now() / 1000) * 1000
      yield* Authority.init(pki, ["localhost"])
      yield* Authority.client(pki, "target", "web1")
      yield* Authority.client(pki, "viewer", "alice")
      yield* Revocation.revoke(pki, "viewer", "alice")
      const begins = ["ca.pem", "relay.pem", "target-web1.pem"].map((file) => {
        const { validFrom, validTo } = new X509Certificate(readFileSync(join(pki, file)))
        const days = (Date.parse(validTo) - Date.parse(validFrom)) / dayMillis
        // What is signed for longer some clients do not take.
        assert.strictEqual(days, file === "ca.pem" ? 3650 : 825, file)
        return Date.parse(validFrom)
      })
      const lists = termsOf(readFileSync(join(pki, "revoked.pem"), "utf8"))
      assert.lengthOf(lists, 1)
      for (const begin of [...begins, ...lists.map(({ begin }) => begin)]) {
        assert.isAtLeast(begin + dayMillis, startedAt)
        assert.isAtMost(begin + dayMillis, Date.now())
      }
      const { authority, relay } = yield* Authority.init(join(pki, "again"), ["localhost"])
      const { stdout } = yield* Process.run("openssl", [
        "x509",
        "-in",
        relay.certificate,
        "-noout",
        "-ext",
        "authorityKeyIdentifier,subjectKeyIdentifier"
      ])
      assert.match(
        stdout,
        /Subject Key Identifier[\s\S]*Authority Key Identifier|Authority Key Identifier[\s\S]*Subject Key Identifier/
      )
      yield* Process.run("openssl", ["verify", "-x509_strict", "-CAfile", authority.certificate, relay.certificate])
    })
)
