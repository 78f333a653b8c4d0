/** A relay does not start, and changes nothing, with files that are no use; which one is said, and why. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import * as Revocation from "../../src/cli/certs/Revocation.ts"
import type { TlsFiles } from "../../src/config/DaemonOptions.ts"
import * as AccessRules from "../../src/daemon/files/AccessRules.ts"
import { complaintsOf, read } from "../../src/daemon/files/TlsFiles.ts"
import * as RevocationLists from "../../src/protocol/RevocationLists.ts"
import * as Certificates from "../support/certificates.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

it.live("what is no use of a relay's TLS files is named", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("tls-files")
    const { authority, relay } = yield* Authority.init(join(directory, "ours"), ["localhost"])
    const theirs = yield* Authority.init(join(directory, "theirs"), ["localhost"])
    const empty = join(directory, "empty.pem")
    writeFileSync(empty, "")
    const modes = { control: "allow", data: "allow", live: "allow" } as const
    const sound: TlsFiles = {
      ...modes,
      certificate: relay.certificate,
      key: relay.key,
      clientCa: authority.certificate
    }
    const { clientCa, key } = yield* read(sound)
    assert.deepStrictEqual([typeof clientCa, typeof key], ["string", "string"])
    const wrong: ReadonlyArray<readonly [Partial<TlsFiles>, string]> = [
      [
        { certificate: join(directory, "none.pem") },
        `certificate ${directory}/none.pem is no use: No such file or directory`
      ],
      [{ certificate: directory }, `certificate ${directory} is no use: Is a directory`],
      [{ certificate: empty }, `certificate ${empty} is no use: there is no certificate in it`],
      [{ certificate: relay.key }, `certificate ${relay.key} is no use: there is no certificate in it`],
      [{ key: relay.certificate }, `key ${relay.certificate} is no use: there is no private key in it`],
      [{ key: theirs.relay.key }, `key ${theirs.relay.key} is no use: not that of the certificate`],
      [{ clientCa: relay.key }, `authority ${relay.key} is no use: there is no certificate in it`],
      [{ crl: authority.certificate }, `revocation list ${authority.certificate} is no use: `]
    ]
    const keys = join(directory, "keys")
    const keyOf = (name: string) => join(keys, `${name}.key`)
    mkdirSync(keys)
    yield* Process.run("openssl", ["pkey", "-in", relay.key, "-aes128", "-passout", "pass:x", "-out", keyOf("sealed")])
    const made = ["-newkey", "rsa:1024", "-nodes", "-keyout", keyOf("short"), "-out", join(keys, "short.pem")]
    yield* Process.run("openssl", ["req", "-x509", "-subj", "/CN=short", ...made])
    const koblitz = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-nodes", "-keyout", keyOf("koblitz")]
    yield* Process.run("openssl", ["req", "-x509", "-subj", "/CN=x", ...koblitz, "-out", join(keys, "koblitz.pem")])
    const write = (name: string, ...parts: ReadonlyArray<string | Buffer>) => {
      writeFileSync(join(keys, name), Buffer.concat(parts.map((part) => Buffer.from(part as string))))
      return join(keys, name)
    }
    const [own, ca] = [relay.certificate, authority.certificate].map((path) => readFileSync(path, "utf8")) as [
      string,
      string
    ]
    const der = (text: string) => Buffer.from(text.replaceAll(/-----[^-]*-----/g, ""), "base64")
    yield* Authority.client(join(directory, "ours"), "target", "nobody")
    const listed = readFileSync(yield* Revocation.revoke(join(directory, "ours"), "target", "nobody"), "utf8")
    const files = {
      order: write("order.pem", ca, own),
      cut: write("cut.pem", own, ca.slice(0, 300)),
      cutAuthorities: write("cut-ca.pem", ca, ca.slice(0, -20)),
      cutLists: write("cut-lists.pem", listed, listed.slice(0, 100)),
      der: write("relay.der", der(own)),
      derKey: write("key.der", der(readFileSync(relay.key, "utf8"))),
      large: write("large.pem", own, Buffer.alloc(17 << 20))
    }
    const more: typeof wrong = [
      [{ certificate: files.order }, `key ${relay.key} is no use: that of certificate 2 in its file`],
      [{ certificate: files.cut }, `certificate ${files.cut} is no use: it is cut off`],
      [{ clientCa: files.cutAuthorities }, `authority ${files.cutAuthorities} is no use: it is cut off`],
      [{ crl: files.cutLists }, `revocation list ${files.cutLists} is no use: it is cut off`],
      [{ certificate: files.der }, `certificate ${files.der} is no use: it is DER: openssl x509`],
      [{ key: files.derKey }, `key ${files.derKey} is no use: it is DER: openssl pkey`],
      [{ certificate: files.large }, `certificate ${files.large} is no use: it is larger than `],
      [{ key: keyOf("sealed") }, `key ${keyOf("sealed")} is no use: it is encrypted`],
      [{ certificate: join(keys, "short.pem"), key: keyOf("short") }, `key ${keyOf("short")} is no use: `],
      [
        { certificate: join(keys, "koblitz.pem"), key: keyOf("koblitz") },
        `key ${keyOf("koblitz")} is no use: there is no signature in TLS by a key of its kind, secp256k1`
      ]
    ]
    for (const [change, said] of [...wrong, ...more]) {
      const { errors } = complaintsOf({ ...sound, ...change })
      assert.include(errors.join("\n"), `The TLS ${said}`)
      const { code, message } = yield* Effect.flip(read({ ...sound, ...change }))
      assert.strictEqual(code, "START_FILE")
      assert.include(message, `The TLS ${said}`)
    }
  })
)

it.live("rules for access of which some would not count are refused", () =>
  Effect.gen(function* () {
    const path = join(yield* Relays.temporaryDirectory("access"), "access.json")
    const rules = '"rules": [{ "principals": ["*"], "view": [{}] }]'
    writeFileSync(path, `\ufeff{ "principals": [], ${rules} }`)
    assert.lengthOf((yield* AccessRules.read(path)).rules, 1)
    writeFileSync(path, `{ "principals": [], ${rules}, "rules": [] }`)
    const { message } = yield* Effect.flip(AccessRules.read(path))
    assert.include(message, `${path} is no use: "rules" is there twice`)
    writeFileSync(path, '{ "principals": [{ "name": "lab", "addresses": ["lab.example"] }], "rules": [] }')
    const nowhere = yield* Effect.flip(AccessRules.read(path))
    assert.include(nowhere.message, "no use: Expected an address, or a range like 10.0.0.0/8 at [")
    writeFileSync(path, '{ "principals": [], "rulez": [] }')
    const misspelt = yield* Effect.flip(AccessRules.read(path))
    assert.include(misspelt.message, 'no use: Expected no excess property at ["rulez"]; Missing key at ["rules"]')
  })
)

it.live("a pipe is read once: who reads it again is told, and waits for nobody", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("tls-files")
    const { relay } = yield* Authority.init(join(directory, "ours"), ["localhost"])
    const pipe = join(directory, "pipe")
    yield* Process.run("mkfifo", [pipe])
    // The reader begins first, in this thread; the writer waits for it.
    const written = once(spawn("sh", ["-c", 'cat "$1" >"$2"', "sh", relay.key, pipe]), "exit")
    const files: TlsFiles = { control: "allow", data: "allow", live: "allow", ...relay, key: pipe }
    assert.include((yield* read(files)).key, "PRIVATE KEY")
    yield* Effect.promise(() => written)
    const { message } = yield* Effect.flip(read(files))
    assert.include(message, `${pipe} is no use: a pipe is read but once`)
    // Who only looks at them reads them once, too.
    const looked = join(directory, "looked")
    yield* Process.run("mkfifo", [looked])
    spawn("sh", ["-c", 'cat "$1" >"$2"', "sh", relay.certificate, looked])
    assert.deepStrictEqual(complaintsOf({ ...files, certificate: looked, key: relay.key }).errors, [])
  })
)

it.live("what is over, or will be within a month, is told, of authorities and revocation lists too", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("tls-files")
    const { authority, relay } = yield* Authority.init(join(directory, "ours"), ["localhost"], 40)
    const strange = yield* Certificates.authority
    const write = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const modes = { control: "allow", data: "allow", live: "allow" } as const
    const of = (change: Partial<TlsFiles>) =>
      complaintsOf({ ...modes, certificate: relay.certificate, key: relay.key, ...change })
    assert.deepStrictEqual(of({ clientCa: authority.certificate }), { errors: [], warnings: [] })
    // Of 30 days, less what has passed since.
    const soon = of({ clientCa: write("ca.pem", strange.ca), crl: write("soon.pem", yield* strange.revoke()) })
    assert.lengthOf(soon.errors, 0)
    const refused = "clients that do not have it refuse it"
    assert.deepStrictEqual(
      soon.warnings.map((line) => line.replace(/ \d{4}-.*/, "")),
      [
        `The TLS authority ${directory}/ca.pem (CN=strange authority) expires`,
        `The TLS certificate ${relay.certificate} comes without its issuer (CN=lttng-relay authority): ${refused}`,
        `The TLS revocation list ${directory}/soon.pem expires`
      ]
    )
    // As openssl reads them: of the past, after 2050, of two authorities, and one without an end.
    const made = join(directory, "ours")
    const list = (name: string, ...more: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const config = `[ca]\ndefault_ca=own\n[own]\ndatabase=${directory}/index.txt\ndefault_md=sha256\ncertificate=${made}/ca.pem\nprivate_key=${made}/ca.key\n`
        write("index.txt", "")
        const args = ["ca", "-config", write("openssl.cnf", config), "-gencrl", "-out", join(directory, name), ...more]
        yield* Process.run("openssl", args)
        const { stdout } = yield* Process.run("openssl", ["crl", "-in", join(directory, name), "-noout", "-nextupdate"])
        const text = readFileSync(join(directory, name), "utf8")
        return { text, end: Date.parse(stdout.trim().replace("nextUpdate=", "")) }
      })
    const past = ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20210101000000Z"]
    const lists = [yield* list("past.pem", ...past), yield* list("far.pem", "-crldays", "20000")]
    assert.deepStrictEqual(
      RevocationLists.endsOf(lists.map(({ text }) => text).join("")),
      lists.map(({ end }) => end)
    )
    assert.match(
      `${of({ crl: join(directory, "past.pem") }).errors}`,
      /revocation list \S+past\.pem expired 2021-01-01T/
    )
    assert.deepStrictEqual(of({ crl: join(directory, "far.pem") }), { errors: [], warnings: [] })
  })
)

it.live("files that can be used, and let nobody in, are warned of", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("tls-files")
    const at = (name: string) => join(directory, name)
    const ours = at("ours")
    const { authority, relay } = yield* Authority.init(ours, ["localhost"])
    const strange = yield* Certificates.authority
    const client = yield* Authority.client(ours, "target", "web1")
    const [own, other, both] = [yield* Revocation.revoke(ours, "target", "web1"), at("other.crl"), at("both.pem")]
    writeFileSync(other, yield* strange.revoke())
    writeFileSync(both, readFileSync(authority.certificate, "utf8") + strange.ca)
    writeFileSync(at("strange.pem"), strange.ca)
    const namesake = yield* Certificates.authority
    writeFileSync(at("namesakes.pem"), strange.ca + namesake.ca)
    writeFileSync(at("told.crl"), (yield* strange.revoke()) + (yield* namesake.revoke()))
    writeFileSync(at("plain.crl"), (yield* strange.revoke()) + (yield* namesake.plainList))
    const confused = /does not say whose it is of the authorities called CN=strange authority, and may be taken/
    const issue = (name: string, by: string, ...extensions: ReadonlyArray<string>) => {
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at(`${name}.key`)]
      const more = ["-extensions", "none", ...extensions.flatMap((one) => ["-addext", one])]
      const issuer = by === name ? [] : ["-CA", at(`${by}.pem`), "-CAkey", at(`${by}.key`)]
      const args = ["-subj", `/CN=${name}`, "-days", "90", ...key, ...issuer, ...more, "-out", at(`${name}.pem`)]
      return Process.run("openssl", ["req", "-x509", "-config", at("openssl.cnf"), ...args])
    }
    writeFileSync(at("openssl.cnf"), "[req]\ndistinguished_name = none\n[none]\n")
    const isAuthority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
    yield* issue("root", "root", ...isAuthority)
    yield* issue("between", "root", ...isAuthority)
    yield* issue("leaf", "between")
    yield* issue("public", "between", "authorityInfoAccess=caIssuers;URI:http://ca.example/between.der")
    yield* issue("self", "self")
    const textOf = (name: string) => readFileSync(at(name), "utf8")
    writeFileSync(at("whole.pem"), textOf("leaf.pem") + textOf("between.pem"))
    writeFileSync(at("above.pem"), textOf("between.pem") + textOf("root.pem"))
    const below = { certificate: at("leaf.pem"), key: at("leaf.key") }
    const lacksIssuer = (name: string) => new RegExp(`comes without its issuer \\(CN=${name}\\): clients that do not`)
    const modes = { control: "allow", data: "allow", live: "allow" } as const
    const of = (change: Partial<TlsFiles>) =>
      complaintsOf({ ...modes, certificate: relay.certificate, key: relay.key, ...change })
    const warned: ReadonlyArray<readonly [Partial<TlsFiles>, ReadonlyArray<RegExp>]> = [
      [{ clientCa: authority.certificate, crl: own }, []],
      [{ certificate: client.certificate, key: client.key }, [/target-web1.pem is not for a server/]],
      [{ clientCa: relay.certificate }, [/relay.pem \(CN=localhost\) is none/, lacksIssuer("lttng-relay authority")]],
      [{ clientCa: at("strange.pem") }, [lacksIssuer("lttng-relay authority")]],
      [{ clientCa: at("strange.pem"), certificate: at("self.pem"), key: at("self.key") }, []],
      [{ ...below, clientCa: at("root.pem") }, [lacksIssuer("between")]],
      [{ ...below, certificate: at("whole.pem"), clientCa: at("root.pem") }, []],
      [{ ...below, certificate: at("whole.pem"), clientCa: at("strange.pem") }, [lacksIssuer("root")]],
      [
        { ...below, clientCa: at("between.pem") },
        [/between.pem \(CN=between\) comes without its issuer \(CN=root\): n/]
      ],
      [{ ...below, clientCa: at("above.pem") }, []],
      [{ ...below, certificate: at("public.pem"), key: at("public.key") }, [lacksIssuer("between")]],
      [below, []],
      [{ clientCa: authority.certificate, crl: other }, [/has none of CN=lttng-relay authority/]],
      [{ clientCa: both, crl: own }, [/has none of CN=strange authority/]],
      [{ clientCa: at("namesakes.pem"), crl: at("told.crl") }, [lacksIssuer("lttng-relay authority")]],
      [{ clientCa: at("namesakes.pem"), crl: at("plain.crl") }, [lacksIssuer("lttng-relay authority"), confused]],
      [{ clientCa: at("strange.pem"), crl: at("plain.crl") }, [lacksIssuer("lttng-relay authority")]]
    ]
    for (const [change, lines] of warned) {
      const { errors, warnings: all } = of(change)
      const warnings = all.filter((warning) => !warning.includes("expires"))
      assert.deepStrictEqual([errors, warnings.length], [[], lines.length], warnings.join("\n"))
      for (const [index, line] of lines.entries()) assert.match(warnings[index] ?? "", line)
    }
  })
)
