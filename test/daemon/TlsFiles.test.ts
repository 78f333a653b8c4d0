/** A relay does not start, and does not change its identity, with files that are no use; which one is said, and why. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/Authority.ts"
import type { TlsFiles } from "../../src/config/DaemonOptions.ts"
import { read } from "../../src/daemon/TlsFiles.ts"
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
    for (const [change, said] of wrong) {
      const { code, message } = yield* Effect.flip(read({ ...sound, ...change }))
      assert.strictEqual(code, "START_FILE")
      assert.include(message, `The TLS ${said}`)
    }
  })
)
