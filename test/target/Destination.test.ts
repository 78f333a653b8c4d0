/** The URLs of targets and viewers: what each means, and what is refused. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Destination from "../../src/target/Destination.ts"
import * as ViewerUrl from "../../src/viewer/ViewerUrl.ts"

const parsed = (url: string, dataUrl?: string) => Result.getOrThrow(Destination.parse(url, dataUrl))
const refusal = (url: string, dataUrl?: string) => {
  const result = Destination.parse(url, dataUrl)
  return Result.isFailure(result) ? result.failure.reason : `accepted as ${JSON.stringify(result.success)}`
}

describe("where a session streams to", () => {
  const at = (changes: Partial<Destination.Destination>): Destination.Destination => ({
    host: "h",
    family: 4,
    controlPort: 5342,
    dataPort: 5343,
    basePath: "",
    ...changes
  })

  it.each([
    ["net://h", at({})],
    ["NET://h", at({})],
    ["net://h/", at({})],
    ["net4://h:5999", at({ controlPort: 5999 })],
    ["net://h::6000", at({ dataPort: 6000 })],
    ["net://h:1:2/a/b", at({ controlPort: 1, dataPort: 2, basePath: "a/b" })],
    ["net6://[::1]:7:8/x", at({ host: "::1", family: 6, controlPort: 7, dataPort: 8, basePath: "x" })],
    ["tls://h", at({ dataPort: 5342, tls: {} })],
    ["tls://h:1/a", at({ controlPort: 1, dataPort: 1, basePath: "a", tls: {} })],
    ["tls6://[::1]:1:2", at({ host: "::1", family: 6, controlPort: 1, dataPort: 2, tls: {} })],
    ["net6://localhost", at({ host: "localhost", family: 6 })]
  ])("%s", (url, expected) => {
    assert.deepStrictEqual(parsed(url), expected)
  })

  it("a tcp pair names the ports apart; only the control URL's path counts", () => {
    const pair = parsed("tcp://h:10/dir", "tcp://h:11/ignored")
    assert.deepStrictEqual(pair, at({ controlPort: 10, dataPort: 11, basePath: "dir" }))
    assert.deepStrictEqual(parsed("tcp://h", "tcp://h"), at({}))
  })

  it("the same net URL given twice is one destination", () => {
    assert.deepStrictEqual(parsed("net://h", "net://h"), at({}))
  })

  it.each([
    ["net://", undefined, "no host"],
    ["file:///tmp", undefined, "not a URL like net://HOST[:PORT]"],
    ["h:5342", undefined, "not a URL like net://HOST[:PORT]"],
    ["net://h:x", undefined, "x is not a port"],
    ["net://h:65536", undefined, "65536 is not a port"],
    ["net://h:1:2:3", undefined, "more than two ports"],
    ["net://h:5343", undefined, "control and data cannot share a port"],
    ["net://h/../x", undefined, "the path leaves the host's directory"],
    ["net://h/x/..", undefined, "the path leaves the host's directory"],
    ["net6://[::1", undefined, "not a URL like net://HOST[:PORT]"],
    ["net6://[x]", undefined, "x is not an IPv6 address"],
    ["tcp://h", undefined, "tcp:// needs a data URL too"],
    ["net://h", "net://other", "net:// names both ports already"],
    ["tcp://h", "net://h", "the data URL must be tcp://"],
    ["tcp://h", "tcp://other", "control and data must share a host"],
    ["tcp://h:1:2", "tcp://h", "more than one port"],
    ["tcp://h", "tcp://h:1:2", "more than one port"]
  ])("%s with data URL %s is refused: %s", (url, dataUrl, reason) => {
    assert.strictEqual(refusal(url, dataUrl), reason)
  })
})

describe("what a viewer watches", () => {
  it("a relay alone", () => {
    const address = { host: "relay", family: 4 as const, port: 5344 }
    assert.deepStrictEqual(Result.getOrThrow(ViewerUrl.parse("net://relay")), { address, session: undefined })
  })

  it("a session; the printed form reads back", () => {
    const url = "net://[::1]:99/host/web.example.org/my session"
    const parsed = Result.getOrThrow(ViewerUrl.parse(url))
    const session = { hostname: "web.example.org", sessionName: "my session" }
    assert.deepStrictEqual(parsed, { address: { host: "::1", family: 6, port: 99 }, session })
    assert.strictEqual(ViewerUrl.format(parsed.address, session), url)
  })

  it.each(["net://r/host/h", "net://r/host//s", "net://r/host/h/s/", "net://r/h/s", "net://r:1:2"])(
    "%s is refused",
    (url) => {
      assert.isTrue(Result.isFailure(ViewerUrl.parse(url)))
    }
  )
})
