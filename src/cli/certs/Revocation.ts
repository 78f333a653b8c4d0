/** What an authority has revoked, and the list by which relays know it. */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import * as Directory from "../../storage/Directory.ts"
import type { Misused } from "../Misused.ts"
import { read } from "./Certificate.ts"
import { accepted, refusalOfClient } from "./Names.ts"
import { attempt, CertificateFailed, run, withText } from "./OpenSsl.ts"
import { authorityDays, authorityIn, earlierOf, type Kind, type Made } from "./Request.ts"
import { beginOf, quoted, timeOf } from "./Signing.ts"

/** How long a list is good: one that is out of date lets nobody in. */
const revocationDays = authorityDays

/** What `openssl ca` keeps of what is revoked. */
const ledgerOf = (directory: string) => join(directory, "revoked", "index.txt")

const revocationConfig = (directory: string, { certificate, key }: Made): string => {
  const lines = {
    database: ledgerOf(directory),
    certificate,
    private_key: key,
    default_md: "sha256",
    default_crl_days: String(revocationDays),
    crl_extensions: "list"
  }
  const settings = Object.entries(lines).map(([name, value]) => `${name}=${quoted(value)}`)
  // All authorities that are made here have the same name: their key tells them apart.
  const extensions = ["[list]", "authorityKeyIdentifier=keyid:always"]
  return ["[ca]", "default_ca=own", "[own]", ...settings, ...extensions, ""].join("\n")
}

/** Serial numbers of all that are revoked. */
export const serialsIn = (directory: string): ReadonlySet<string> => {
  if (!existsSync(ledgerOf(directory))) return new Set()
  const lines = readFileSync(ledgerOf(directory), "utf8").split("\n")
  return new Set(lines.filter((line) => line.startsWith("R\t")).map((line) => line.split("\t")[3] ?? ""))
}

/** Path of the list for `--tls-crl`. */
const listOf = (directory: string): string => join(directory, "revoked.pem")

/** Writes the list again, if there is one. */
export const rewriteList = (directory: string): Effect.Effect<void, CertificateFailed> =>
  existsSync(listOf(directory)) ? Effect.asVoid(writeList(directory)) : Effect.void

/** Writes the list, and answers its path. Whoever reads it meanwhile finds the one before. */
const writeList = (directory: string): Effect.Effect<string, CertificateFailed> =>
  withText(revocationConfig(directory, authorityIn(directory)), (config) => {
    const path = listOf(directory)
    return Effect.andThen(
      run(path, ["ca", "-config", config, "-gencrl", "-crl_lastupdate", timeOf(beginOf()), "-out", `${path}.new`]),
      attempt(path, () => {
        renameSync(`${path}.new`, path)
        return path
      })
    )
  })

/** Paths of a client's certificates: those that were replaced, and the one in force. */
const certificatesOf = (directory: string, kind: Kind, name: string): ReadonlyArray<string> => {
  const earlier = earlierOf({ directory, file: `${kind}-${name}` })
  const kept = existsSync(earlier) ? readdirSync(earlier).map((file) => join(earlier, file)) : []
  return [...kept, join(directory, `${kind}-${name}.pem`)]
}

/** Revokes a client's certificates. Answers the path of the list of all that are revoked: relays that read it obey. */
export const revoke = (
  directory: string,
  kind: Kind,
  name: string
): Effect.Effect<string, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* accepted(refusalOfClient(name))
    yield* attempt(directory, () => {
      Directory.makeNow(dirname(ledgerOf(directory)), 0o700)
      writeFileSync(ledgerOf(directory), "", { flag: "a" })
    })
    const revoked = serialsIn(directory)
    const all = yield* attempt(directory, () => certificatesOf(directory, kind, name))
    const left: Array<string> = []
    for (const path of all) if (!revoked.has((yield* read(path)).serialNumber)) left.push(path)
    if (left.length === 0) {
      return yield* new CertificateFailed({ path: all.at(-1) ?? directory, reason: "it is revoked already" })
    }
    yield* withText(revocationConfig(directory, authorityIn(directory)), (config) =>
      Effect.forEach(left, (path) => run(path, ["ca", "-config", config, "-revoke", path]), { discard: true })
    )
    return yield* writeList(directory)
  })
