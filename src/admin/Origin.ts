/**
 * Whether a request was meant for this port, or is a browser's on behalf of somebody else's page.
 *
 * A name of the page's owner may lead to a loopback address at its second look-up (DNS rebinding): for the browser the
 * relay's answers are then the page's own. What gives it away is the name it asks by. Pages of other sites can also ask
 * without hearing the answer; what they would hold is worth refusing.
 */
import { isIPv4, isIPv6 } from "node:net"
import { nameOf } from "../config/HttpPort.ts"

export interface Names {
  /** Only this machine reaches the port, over TCP: nobody else has a reason to ask by another name. */
  readonly isLoopback: boolean
  /** By which it may be asked besides; lower case. */
  readonly hosts: ReadonlyArray<string>
}

type Headers = Readonly<Record<string, string | undefined>>

const isLoopbackName = (name: string): boolean =>
  name === "localhost" ||
  (isIPv4(name) && name.startsWith("127.")) ||
  (isIPv6(name) && /^(0*:)*:?0*1$|^::ffff:(127\.|7f)/.test(name))

const isMeant = ({ hosts, isLoopback }: Names, host: string): boolean => {
  if (!isLoopback && hosts.length === 0) return true
  const name = nameOf(host)
  return hosts.includes(name) || isLoopbackName(name)
}

/** A person follows a link, as into the page. */
const isNavigation = (headers: Headers): boolean => headers["sec-fetch-mode"] === "navigate"

/** Why there is no answer; undefined: there is one. */
export const refusal = (names: Names, headers: Headers): string | undefined => {
  const { host } = headers
  // Without it no browser asks.
  if (host !== undefined && !isMeant(names, host)) {
    return "This relay is not asked by that name; --http-hosts allows more of them.\n"
  }
  return headers["sec-fetch-site"] === "cross-site" && !isNavigation(headers)
    ? "Pages of other sites get no answer.\n"
    : undefined
}
