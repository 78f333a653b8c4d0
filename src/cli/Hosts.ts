/** What a host is, as an option or a URL names it, an IPv6 address without brackets. */

/** Of a port: all addresses of its host. */
export const isAny = (host: string): boolean => host === "0.0.0.0" || host === "::"

export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")
