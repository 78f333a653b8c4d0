/** `bench --tcp`: connections over loopback have that congestion control; the process is the one that was started. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import * as Congestion from "../../bench/Congestion.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "bench-congestion-"))

afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const program = `
import { spawnSync } from "node:child_process"
import * as net from "node:net"
import * as Congestion from ${JSON.stringify(path.resolve(import.meta.dirname, "../../bench/Congestion.ts"))}
Congestion.enter("reno")
const server = net.createServer()
server.listen(0, "127.0.0.1", () => {
  const client = net.connect(server.address().port, "127.0.0.1", () => {
    const sockets = spawnSync("ss", ["--tcp", "--info", "--no-header", "--numeric"], { encoding: "utf8" }).stdout
    console.log(JSON.stringify({ pid: process.pid, argument: process.argv[2], tcp: Congestion.current(), sockets }))
    process.exit()
  })
})
`

const isMissing = Congestion.missing("reno") !== undefined || spawnSync("ss", ["--version"]).status !== 0

describe("the congestion control of a benchmark", () => {
  it.skipIf(isMissing)("is that of the connections it measures", () => {
    const file = path.join(scratch, "program.ts")
    fs.writeFileSync(file, program)
    const { pid, stderr, stdout } = spawnSync(process.execPath, [file, "it's one"], { encoding: "utf8" })
    expect(stderr).toBe("")
    const said = JSON.parse(stdout)
    expect([said.pid, said.argument, said.tcp]).toEqual([pid, "it's one", "reno"])
    // Nobody else is there: both ends of the one connection.
    expect(said.sockets.match(/\b(reno|cubic|bbr)\b/g)).toEqual(["reno", "reno"])
  })

  it("is the system's otherwise", () => {
    expect(Congestion.current()).toMatch(/^\w+$/)
  })
})
