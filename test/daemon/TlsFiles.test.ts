/** A relay does not start, and does not change its identity, with files that are no use; which one is said, and why. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import type { TlsFiles } from "../../src/config/DaemonOptions.ts"
import * as RevocationLists from "../../src/daemon/files/RevocationLists.ts"
import { complaintsOf, read } from "../../src/daemon/files/TlsFiles.ts"
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
      [{ certificate: join(directory, "none.pem") }, `certificate ${directory}/none.pem is no use: ENOENT`],
      [{ certificate: directory }, `certificate ${directory} is no use: EISDIR`],
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
    const more: typeof wrong = [
      [{ key: keyOf("sealed") }, `key ${keyOf("sealed")} is no use: it is encrypted`],
      [{ certificate: join(keys, "short.pem"), key: keyOf("short") }, `key ${keyOf("short")} is no use: `]
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
    assert.deepStrictEqual(
      soon.warnings.map((line) => line.replace(/ \d{4}-.*/, "")),
      [
        `The TLS authority ${directory}/ca.pem (CN=strange authority) expires`,
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
  }).pipe(Effect.scoped)
)

it.live("files that can be used, and let nobody in, are warned of", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("tls-files")
    const at = (name: string) => join(directory, name)
    const ours = at("ours")
    const { authority, relay } = yield* Authority.init(ours, ["localhost"])
    const strange = yield* Certificates.authority
    const client = yield* Authority.client(ours, "target", "web1")
    const [own, other, both] = [yield* Authority.revoke(ours, "target", "web1"), at("other.crl"), at("both.pem")]
    writeFileSync(other, yield* strange.revoke())
    writeFileSync(both, readFileSync(authority.certificate, "utf8") + strange.ca)
    const modes = { control: "allow", data: "allow", live: "allow" } as const
    const of = (change: Partial<TlsFiles>) =>
      complaintsOf({ ...modes, certificate: relay.certificate, key: relay.key, ...change })
    const warned: ReadonlyArray<readonly [Partial<TlsFiles>, ReadonlyArray<RegExp>]> = [
      [{ clientCa: authority.certificate, crl: own }, []],
      [{ certificate: client.certificate, key: client.key }, [/target-web1.pem is not for a server/]],
      [{ clientCa: relay.certificate }, [/relay.pem \(CN=localhost\) is none/]],
      [{ clientCa: authority.certificate, crl: other }, [/has none of CN=lttng-relay authority/]],
      [{ clientCa: both, crl: own }, [/has none of CN=strange authority/]]
    ]
    for (const [change, lines] of warned) {
      const { errors, warnings: all } = of(change)
      const warnings = all.filter((warning) => !warning.includes("expires"))
      assert.deepStrictEqual([errors, warnings.length], [[], lines.length], warnings.join("\n"))
      for (const [index, line] of lines.entries()) assert.match(warnings[index] ?? "", line)
    }
  }).pipe(Effect.scoped)
)
