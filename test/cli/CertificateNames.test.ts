/** Which names certificates are made for. */
import { describe, expect, it } from "vitest"
import { refusalOfClient, refusalOfHosts } from "../../src/cli/certs/Names.ts"

describe("names of certificates", () => {
  it.each(["web1", "alice.b_c-d", "0x"])("a client is called %s", (name) => {
    expect(refusalOfClient(name)).toBeUndefined()
  })

  it.each(["", "../ca", "a/b", "-x", "a b", "é"])("no client is called %j: it would be in a file's name", (name) => {
    expect(refusalOfClient(name)?.message).toContain("a name has letters")
  })

  it.each(["relay", "relay.example", "xn--bcher-kva.example", "*.a.example", "192.0.2.1", "2001:db8::1"])(
    "a relay is reached by %s",
    (name) => {
      expect(refusalOfHosts(["localhost", name])).toBeUndefined()
    }
  )

  it.each(["a..example", "1.2.3", "fe80::1%eth0", "a,b"])("no relay is reached by %s", (name) => {
    expect(refusalOfHosts(["localhost", name])?.message).toMatch(`${name}: a host has letters`)
  })

  it("a star stands for the hosts of a domain of two parts, since no client takes it for less", () => {
    expect(refusalOfHosts(["*.lan"])?.message).toContain("two parts")
  })

  it("a relay is reached by one name at least", () => {
    expect(refusalOfHosts([])?.message).toMatch('"": a host')
  })
})
