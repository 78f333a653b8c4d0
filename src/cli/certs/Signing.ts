/** Signs certificates that are asked for, by an authority or by themselves. */
import { dirname } from "node:path"
import { Effect } from "effect"
import { wallMillis } from "../../Machine.ts"
import { dayMillis, daysUntil, endOf } from "./Certificate.ts"
import { CertificateFailed, run, withText } from "./OpenSsl.ts"
import { filesOf, type Made, type Request } from "./Request.ts"

/** Longest common name: RFC 5280, appendix A.1. */
const commonNameMax = 64

/** `openssl ca` takes a backslash, a dollar, a hash or a quote in a path for its own. */
export const quoted = (path: string) => path.replaceAll(/[\\$#'"`]/g, "\\$&")

/** `database`: where `openssl ca` keeps what it has signed, beside which it may write. */
const configOf = ({ authority, extensions }: Request, database: string): string =>
  [
    ...["[req]", "distinguished_name=none", "[none]"],
    ...["[ca]", "default_ca=signing", "[signing]", "rand_serial=yes", "default_md=sha256", "policy=names"],
    ...[`database=${quoted(database)}`, `new_certs_dir=${quoted(dirname(database))}`, "x509_extensions=own"],
    ...["[names]", "commonName=supplied", "[own]", ...extensions],
    ...(authority === undefined ? [] : ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]),
    ""
  ].join("\n")

/** A certificate is good so long before it is made: clocks of other hosts are behind, or go by another zone. */
const earlyMillis = dayMillis

/** `YYYYMMDDHHMMSSZ`, as openssl takes it. */
export const timeOf = (millis: number): string => new Date(millis).toISOString().replaceAll(/[-:T]|\.\d+/g, "")

/** From when on what is made now is good, in ms since the epoch. */
export const beginOf = (): number => wallMillis() - earlyMillis

/** When a certificate ends, in ms since the epoch: not later than that of the authority which signs it. */
const endUnder = (authority: Made | undefined, end: number): Effect.Effect<number, CertificateFailed> =>
  Effect.gen(function* () {
    if (authority === undefined) return end
    const last = yield* endOf(authority.certificate)
    if (daysUntil(last) >= 1) return Math.min(end, last)
    return yield* new CertificateFailed({
      path: authority.certificate,
      reason: "the authority is over: first, lttng-relay certs renew authority"
    })
  })

/** Signs a certificate, and writes it to `out`. `key`: openssl's arguments that make or name the key. */
export const sign = (
  request: Request,
  out: string,
  key: ReadonlyArray<string>
): Effect.Effect<void, CertificateFailed> =>
  Effect.gen(function* () {
    const { authority, commonName, days } = request
    const begin = beginOf()
    const end = yield* endUnder(authority, begin + days * dayMillis)
    const signer =
      authority === undefined
        ? ["-selfsign", "-keyfile", filesOf(request).key]
        : ["-cert", authority.certificate, "-keyfile", authority.key]
    // The name may be cut here: what the certificate is good for is in its other names.
    const subject = ["-subj", `/CN=${commonName.slice(0, commonNameMax)}`]
    const dates = ["-startdate", timeOf(begin), "-enddate", timeOf(end)]
    const signed = (database: string) =>
      withText(configOf(request, database), (config) => {
        const asked = `${config}.csr`
        return Effect.andThen(
          run(out, ["req", "-new", "-config", config, ...key, ...subject, "-out", asked]),
          run(out, ["ca", "-batch", "-notext", "-config", config, ...signer, ...dates, "-in", asked, "-out", out])
        )
      })
    yield* withText("", signed)
  })
