/**
 * The load generator for machines without a C compiler: same arguments, same report, more processor time per packet.
 *
 * Its numbers say less about a fast relay (the report names the generator), but every case runs.
 */
import { once } from "node:events"
import { defaults, Results, type Run, type Settings } from "./results.ts"
import { Session } from "./session.ts"
import * as Sink from "./sink.ts"
import { Viewer } from "./viewer.ts"
import { Connection } from "./wire.ts"

const tickMs = 1
const viewerGraceMs = 3_000

interface Member {
  readonly results: Results
  readonly sessions: Array<Session>
  readonly viewers: Array<Viewer>
}

const pairs = (words: ReadonlyArray<string>) =>
  Object.fromEntries(words.map((word) => word.split("=") as [string, string]))

const settingsOf = (words: ReadonlyArray<string>): Settings => {
  const given = pairs(words)
  const typed = Object.entries(given).map(([key, value]) => [
    key,
    typeof defaults[key as keyof Settings] === "number" ? Number(value) : value
  ])
  return { ...defaults, ...Object.fromEntries(typed) }
}

const split = (words: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const parts: Array<Array<string>> = [[]]
  for (const word of words) {
    if (word === "--") parts.push([])
    else parts.at(-1)?.push(word)
  }
  return parts
}

const open = async (groups: ReadonlyArray<Settings>, run: Run, ports: Record<string, number>) => {
  const members: Array<Member> = []
  for (const settings of groups) {
    const target = members.find(({ results }) => results.settings.label === settings.of)
    const packetSize = target?.results.settings.packetSize ?? settings.packetSize
    const member: Member = { results: new Results({ ...settings, packetSize }, run), sessions: [], viewers: [] }
    for (let number = 0; number < settings.sessions; number++) {
      if (settings.role !== "view") {
        member.sessions.push(await Session.open(member.results, number, ports.control ?? 0, ports.data ?? 0))
        continue
      }
      const session = target?.sessions[number % target.sessions.length]
      if (session === undefined) throw new Error(`${settings.label} watches an unknown group`)
      member.viewers.push(await Viewer.open(member.results, session, ports.live ?? 0))
    }
    members.push(member)
  }
  return members
}

const isBehind = (viewer: Viewer) => viewer.packets < viewer.session.packetsSent

/** Resolves when everything sent is stored and seen, or when the limits are over. */
const play = (members: ReadonlyArray<Member>, run: Run, runMs: number, drainMs: number) =>
  new Promise<void>((resolve) => {
    const goAt = performance.now()
    let targetsDoneAt = 0
    run.goAt = goAt
    for (const viewer of members.flatMap(({ viewers }) => viewers)) viewer.start()
    const timer = setInterval(() => {
      const now = performance.now()
      run.stopping = now - goAt >= runMs
      for (const session of members.flatMap(({ sessions }) => sessions)) session.tick(now, goAt)
      const done = members.every(({ results, sessions }) => results.finished >= sessions.length)
      if (done && targetsDoneAt === 0) targetsDoneAt = now
      const seen = members.every(({ viewers }) => viewers.every((viewer) => viewer.gone || !isBehind(viewer)))
      const over = done && (seen || now - targetsDoneAt > viewerGraceMs)
      if (!over && now - goAt <= runMs + drainMs) return
      clearInterval(timer)
      resolve()
    }, tickMs)
  })

const report = (members: ReadonlyArray<Member>) => {
  const { user, system } = process.cpuUsage()
  const groups = members.map(({ results, sessions, viewers }) => {
    const counts = [...sessions.map(({ packetsSent }) => packetsSent), ...viewers.map(({ packets }) => packets)]
    return results.report(counts, viewers.filter(isBehind).length)
  })
  return { event: "report", cpuSeconds: (user + system) / 1e6, groups }
}

const main = async () => {
  const [mode, ...rest] = process.argv.slice(2)
  const [first = [], ...groups] = split(rest)
  const { address = Connection.address, ...numbers } = pairs(first)
  Connection.address = address
  const ports = Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, Number(value)]))
  if (mode === "sink") return Sink.serve(ports.control ?? 0, ports.data ?? 0)
  const run: Run = { goAt: undefined, stopping: false }
  const members = await open(groups.map(settingsOf), run, ports)
  process.stdout.write('{"event":"ready"}\n')
  // The runner's end of the pipe closing means the runner is gone.
  process.stdin.on("end", () => process.exit(1))
  await once(process.stdin, "data")
  await play(members, run, ports.runMs ?? 1000, ports.drainMs ?? 20_000)
  process.stdout.write(`${JSON.stringify(report(members))}\n`, () => process.exit(0))
}

main().catch((cause) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : cause}\n`)
  process.exit(1)
})
