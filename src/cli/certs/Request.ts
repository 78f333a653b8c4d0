/** What a certificate that is asked for says, and in which files it and its key lie. */
import { join } from "node:path"
import { isAddress } from "./Names.ts"

export interface Made {
  readonly certificate: string
  readonly key: string
}

export interface Request {
  readonly directory: string
  /** Name of the files, without their suffix. */
  readonly file: string
  readonly commonName: string
  readonly days: number
  readonly extensions: ReadonlyArray<string>
  /** Undefined: it signs itself. */
  readonly authority?: Made
}

export const authorityDays = 3650
const relayDays = 825
const clientDays = 825

export const filesOf = ({ directory, file }: Pick<Request, "directory" | "file">): Made => ({
  certificate: join(directory, `${file}.pem`),
  key: join(directory, `${file}.key`)
})

/** What the authority in `directory` signs with. */
export const authorityIn = (directory: string): Made => ({
  certificate: join(directory, "ca.pem"),
  key: join(directory, "ca.key")
})

/** Directory of the certificates that this one has taken the place of, under their serial numbers. */
export const earlierOf = ({ directory, file }: Pick<Request, "directory" | "file">): string =>
  join(directory, "renewed", file)

export const authorityOf = (directory: string): Request => ({
  directory,
  file: "ca",
  commonName: "lttng-relay authority",
  days: authorityDays,
  extensions: [
    "basicConstraints=critical,CA:TRUE,pathlen:0",
    "keyUsage=critical,keyCertSign,cRLSign",
    "subjectKeyIdentifier=hash"
  ]
})

export const relayOf = (directory: string, names: ReadonlyArray<string>, days = relayDays): Request => ({
  directory,
  file: "relay",
  commonName: names[0] ?? "relay",
  days,
  authority: authorityIn(directory),
  extensions: [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=serverAuth",
    `subjectAltName=${names.map((name) => (isAddress(name) ? `IP:${name}` : `DNS:${name}`)).join(",")}`
  ]
})

export type Kind = "target" | "viewer"

export const clientOf = (directory: string, kind: Kind, name: string, days = clientDays): Request => ({
  directory,
  file: `${kind}-${name}`,
  commonName: name,
  days,
  authority: authorityIn(directory),
  extensions: [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=clientAuth",
    // Says what it is, in a form that the rules of `--access` can name.
    `subjectAltName=URI:lttng://${kind}/${name}`
  ]
})
