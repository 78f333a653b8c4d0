/** Connections by port, and by what they wait for: words that a page in a browser knows, too. */

export const ports = ["control", "data", "live"] as const
export type Port = (typeof ports)[number]

/**
 * Why nothing is read from a peer: its share of packet memory waits for a disk, the memory of all connections is short,
 * it brought too many indexes without packets, it does not read its answers, its command waits for files, or its
 * principal's quota is spent.
 */
export const causes = ["disk", "memory", "halves", "unread answers", "files", "quota"] as const
export type Cause = (typeof causes)[number]
