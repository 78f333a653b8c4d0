/**
 * Hosts that are not let in: by the address they connect from, or by the name their session daemon gives. A host may be
 * added several times; it is let in again when each of them was taken back.
 */
export class RefusedHosts {
  readonly #counts = new Map<string, number>()

  add(host: string): void {
    const key = normal(host)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  remove(host: string): void {
    const key = normal(host)
    const count = (this.#counts.get(key) ?? 0) - 1
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }

  has(host: string): boolean {
    return this.#counts.size > 0 && this.#counts.has(normal(host))
  }
}

/** Names know no case; an IPv6 socket shows a peer's IPv4 address behind `::ffff:`. */
const normal = (host: string): string => host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "")
