/** Finds the blocks in PEM texts (RFC 7468), which have several one behind the other, with any words around. Pure. */

/** The blocks with one of these labels, each as a text of its own. `labels` is a part of a regular expression. */
const blocksOf = (text: string, labels: string): ReadonlyArray<string> =>
  text.match(new RegExp(`-----BEGIN (?:${labels})-----[^-]*-----END [^-]*-----`, "g")) ?? []

export const certificatesOf = (text: string): ReadonlyArray<string> => blocksOf(text, "(?:TRUSTED |X509 )?CERTIFICATE")

/** The revocation lists in a text, each as a text of its own. */
export const listsOf = (text: string): ReadonlyArray<string> => blocksOf(text, "X509 CRL")
