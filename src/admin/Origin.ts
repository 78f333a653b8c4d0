/**
 * Whether a request was meant for this port, or is a browser's on behalf of somebody else's page.
 *
 * The name of a foreign page's host may lead to a loopback address at its second look-up (DNS rebinding): to the
 * browser the relay's answers are then the page's own. The name by which it asks gives it away. Pages of other sites
 * can also ask without hearing the answer; they are refused, since even that would hold some of the port.
 */
import { isIPv4, isIPv6 } from "node:net"
import { nameOf } from "../config/HttpPort.ts"

export interface Names {
  /** Only this machine reaches the port, over TCP: nobody has a reason to ask by another name than its own. */
  readonly isLoopback: boolean
  /** Further names by which it may be asked, in lower case. */
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

/** Whether a person follows a link, for instance to the page. */
const isNavigation = (headers: Headers): boolean => headers["sec-fetch-mode"] === "navigate"

/** Why the request gets no answer; undefined: it gets one. */
export const refusal = (names: Names, headers: Headers): string | undefined => {
  const { host } = headers
  // Browsers always send a host.
  if (host !== undefined && !isMeant(names, host)) {
    return "This relay is not asked by that name; --http-hosts allows more of them.\n"
  }
  return headers["sec-fetch-site"] === "cross-site" && !isNavigation(headers)
    ? "Pages of other sites get no answer.\n"
    : undefined
}
