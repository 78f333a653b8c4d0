/**
 * The repository's own rules, read from its files: which folder may import what, how long things may be, which words do
 * not occur. A failure names the file; to change a rule, here or in ARCHITECTURE.md's table of folders, is a decision.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

const list = (...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  globSync(patterns, { cwd: root, exclude: ["**/node_modules/**", "test/.bundle/**", "bench/results/**"] }).sort()

const read = (file: string): string => readFileSync(join(root, file), "utf8")

const sources = list("src/**/*.ts")
const tests = list("test/**/*.test.ts")
const code = list("{src,test,bench,examples}/**/*.ts", "*.config.ts")
const texts = list("{src,test,bench,examples,packaging}/**/*.{ts,c,h,json,md,service}", "*.{ts,json,md}", ".ci/*")

interface Import {
  readonly from: string
  readonly what: string
}

const statement = /^(?:import|export)\s(?:type\s)?([^"'();]*?)\sfrom\s"([^"]+)"/gm
const dynamic = /\bimport\("([^"]+)"\)/g

const importsOf = (file: string): ReadonlyArray<Import> => {
  const text = read(file)
  const stated = [...text.matchAll(statement)].map(([, what = "", from = ""]) => ({ from, what }))
  const loaded = [...text.matchAll(dynamic)].map(([, from = ""]) => ({ from, what: "*" }))
  return [...stated, ...loaded]
}

const isOurs = ({ from }: Import): boolean => from.startsWith(".")
const targetOf = (file: string, { from }: Import): string => normalize(join(dirname(file), from))
/** `src/relay/Registry.ts` is in `relay`, `src/Relay.ts` is `Relay.ts`. */
const folderOf = (file: string): string => file.split("/")[1] ?? ""
/** `src/relay/stream/Stage.ts` is in the room `stream`, `src/relay/Registry.ts` in none. */
const roomOf = (file: string): string => /^src\/\w+\/(\w+)\//.exec(file)?.[1] ?? ""

const offences = (found: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  found.filter((offence) => offence !== undefined)

const cyclesOf = (graph: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlyArray<string> => {
  const cycles: Array<string> = []
  const done = new Set<string>()
  const visit = (node: string, path: ReadonlyArray<string>) => {
    if (path.includes(node)) cycles.push([...path.slice(path.indexOf(node)), node].join(" → "))
    if (done.has(node) || path.includes(node)) return
    for (const target of graph.get(node) ?? []) visit(target, [...path, node])
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return cycles
}

const everyImport = sources.flatMap((file) => importsOf(file).map((imported) => ({ file, imported })))

/** Who may import what of ours, by ARCHITECTURE.md's table of folders. The way is down: towards what knows less. */
const allowed = new Map(
  [...read("ARCHITECTURE.md").matchAll(/^\| `([\w.]+)` \|[^|]+\| (.*) \|$/gm)].map(
    ([, folder = "", imports = ""]) => [folder, imports.replace(/[–`,]/g, "").split(" ")] as const
  )
)

/** Inside a folder: which room may import which, and whether what lies beside them (""), shared by them in `relay`. */
const allowedInside: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  relay: {
    stream: [""],
    journal: [""],
    session: ["", "journal", "stream"],
    party: ["", "session", "stream"],
    viewer: ["", "session", "stream", "party"]
  },
  transport: { tls: [""] },
  admin: { port: [], page: [""] },
  daemon: { log: [""], files: [""], launch: ["", "log", "files"] },
  cli: { recorded: [""], live: [""], streaming: [""], operator: [""], certs: [""], tunnel: [""], edge: [""] },
  edge: {
    journal: [],
    spool: ["journal"],
    tap: ["journal", "spool"],
    pass: ["journal", "spool"],
    forwarding: ["journal", "spool"]
  }
}

describe("imports of src", () => {
  it("point one way between folders", () => {
    assert.sameMembers([...allowed.keys()], [...new Set(sources.map(folderOf))])
    const wrong = everyImport.map(({ file, imported }) => {
      if (!isOurs(imported)) return undefined
      const [from, to] = [folderOf(file), folderOf(targetOf(file, imported))]
      return from === to || allowed.get(from)?.includes(to) ? undefined : `${file} imports ${targetOf(file, imported)}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("point one way inside a folder with rooms", () => {
    const wrong = everyImport.map(({ file, imported }) => {
      const target = targetOf(file, imported)
      const [from, to, rooms] = [roomOf(file), roomOf(target), allowedInside[folderOf(file)]]
      if (!isOurs(imported) || folderOf(target) !== folderOf(file) || from === "" || from === to) return undefined
      return rooms === undefined || rooms[from]?.includes(to) ? undefined : `${file} imports ${target}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("name files that exist, with their suffix", () => {
    const wrong = everyImport.map(({ file, imported }) => {
      if (!isOurs(imported) || sources.includes(targetOf(file, imported))) return undefined
      return `${file} imports ${imported.from}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("make no cycle, types included", () => {
    const graph = sources.map((file) => {
      const ours = importsOf(file).filter(isOurs)
      return [file, ours.map((imported) => targetOf(file, imported))] as const
    })
    assert.deepStrictEqual(cyclesOf(new Map(graph)), [])
  })

  it("make no cycle in C, where a header and what implements it are one", () => {
    const moduleOf = (file: string) => basename(file).replace(/\.[ch]$/, "")
    const graph = new Map<string, Array<string>>()
    for (const file of list("bench/native/*.{c,h}")) {
      const included = [...read(file).matchAll(/^#include "([^"]+)"/gm)].map(([, name = ""]) => moduleOf(name))
      const others = included.filter((name) => name !== moduleOf(file))
      graph.set(moduleOf(file), [...(graph.get(moduleOf(file)) ?? []), ...others])
    }
    assert.isAbove(graph.size, 1)
    assert.deepStrictEqual(cyclesOf(graph), [])
    const declaredElsewhere = [...graph.keys()].filter((name) => list(`bench/native/${name}.c`).length === 0)
    assert.deepStrictEqual(declaredElsewhere, ["wire"], "headers whose functions are in another file")
  })

  it("reach sockets only from transport, the operator's port, the health socket, and a test's peers", () => {
    const wrong = everyImport.map(({ file, imported: { from, what } }) => {
      if (!/^(node:)?(net|tls|dgram|http|https)$|^effect\/socket/.test(from)) return undefined
      // Say whether a text is an address, or a certificate or a list of them; open nothing.
      if (["{ isIP }", "{ isIPv6 }", "{ createSecureContext }"].includes(what.trim())) return undefined
      const isAllowed =
        ["transport", "admin", "testing"].includes(folderOf(file)) ||
        /^src\/daemon\/(HealthSocket|OwnSocket)\.ts$/.test(file)
      return isAllowed ? undefined : `${file} imports ${from}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("reach files from where files are, never from the folders between socket and file", () => {
    const fileless = ["protocol", "model", "memory", "relay", "transport", "connection", "Ports.ts", "Relay.ts"]
    const wrong = everyImport.map(({ file, imported: { from } }) => {
      // Ask the system for its settings; open nothing of a trace.
      if (/^src\/transport\/(KeepAlive|tls\/Processor)\.ts$/.test(file)) return undefined
      return /^(node:)?fs\b/.test(from) && fileless.includes(folderOf(file)) ? `${file} imports ${from}` : undefined
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("have time, turns of the event loop and chance from Machine.ts, where a simulated world can take their place", () => {
    const turns = "setTimeout|clearTimeout|setInterval|clearInterval|setImmediate|clearImmediate|queueMicrotask"
    const chance = "randomBytes|randomUUID|randomInt|randomFill|randomFillSync|getRandomValues"
    // A socket's own timeout is the socket's.
    const call = new RegExp(
      `(?<![.\\w#"'])(?:${turns}|${chance}|clock(?:Millis|Nanos)|wall(?:Millis|Micros))(?=\\()`,
      "g"
    )
    const banned = new RegExp(
      "\\bDate\\.now|\\bnew Date\\(\\)|\\bperformance\\.(?:now|timeOrigin)|\\bprocess\\.(?:hrtime|uptime|nextTick)" +
        `|\\bMath\\.random|\\bAbortSignal\\.timeout|\\bglobalThis\\.(?:${turns})|\\bcrypto\\.(?:${chance})|schedstat`
    )
    const wrong = sources.map((file) => {
      if (file === "src/Machine.ts" || file.startsWith("src/admin/page/")) return undefined
      const imports = importsOf(file)
      const timers = imports.find(({ from, what }) => /^(node:)?timers/.test(from) || new RegExp(chance).test(what))
      if (timers !== undefined && !timers.from.endsWith("/Machine.ts")) return `${file} imports ${timers.from}`
      const text = read(file)
        .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")
        .replace(/^(?:import|export)\s[^"']*from .*$/gm, "")
      const found = banned.exec(text)?.[0]
      if (found !== undefined) return `${file}: ${found}`
      const had = imports.filter(({ from }) => from.endsWith("/Machine.ts")).map(({ what }) => what)
      const own = [...text.matchAll(call)].find(([name]) => !had.some((what) => new RegExp(`\\b${name}\\b`).test(what)))
      return own === undefined ? undefined : `${file}: ${own[0]} is not that of Machine.ts`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("log in the relay only what may fail to be logged: a program's logger may throw", () => {
    const isRelay = (file: string) => /^src\/(connection|relay|transport|storage)\//.test(file)
    const bare = /(?<!said\((?:Effect\.annotateLogs\()?)\bEffect\.log[A-Z]\w*\(/
    assert.deepStrictEqual(
      sources.filter((file) => isRelay(file) && bare.test(read(file))),
      ["src/connection/ConnectionEnd.ts"]
    )
  })

  it("take the command line's library in cli only, and the platform's layers there and in the operator's port", () => {
    const wrong = everyImport.map(({ file, imported: { from } }) =>
      /^effect\/cli|^@effect\/platform-node|^cli-progress/.test(from) && !["cli", "admin"].includes(folderOf(file))
        ? `${file} imports ${from}`
        : undefined
    )
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("keep protocol, model and memory pure: values from Effect, nothing of the runtime", () => {
    const dataModules = /^(type |Schema|SchemaAST|SchemaGetter|SchemaIssue|Result|Option)/
    const wrong = everyImport.map(({ file, imported: { from, what } }) => {
      if (!["protocol", "model", "memory"].includes(folderOf(file)) || from.startsWith(".")) return undefined
      if (from !== "effect") return `${file} imports ${from}`
      const names = what
        .replace(/[{}]/g, "")
        .split(",")
        .map((name) => name.trim())
      const others = names.filter((name) => name !== "" && !dataModules.test(name))
      // A Schema getter is an effect.
      if (others.length === 0 || (file === "src/protocol/Struct.ts" && others.join() === "Effect")) return undefined
      return `${file} imports ${others.join()} from effect`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("keep ctf pure but for its readers of directories: values from Effect, no fiber, no file, no socket", () => {
    const wrong = everyImport.map(({ file, imported: { from, what } }) => {
      if (folderOf(file) !== "ctf" || from.startsWith(".")) return undefined
      if (file === "src/ctf/CtfTrace.ts" || file.startsWith("src/ctf/recorded/")) return undefined
      return /^effect\/(Result|Option)$/.test(from) ? undefined : `${file} imports ${what} from ${from}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("stay within packages that the manifest names", () => {
    const manifest = JSON.parse(read("package.json"))
    const named = Object.keys({ ...manifest.peerDependencies, ...manifest.devDependencies })
    const wrong = everyImport.map(({ file, imported: { from } }) => {
      if (/^(\.|node:)/.test(from)) return undefined
      return named.some((name) => from === name || from.startsWith(`${name}/`)) ? undefined : `${file} imports ${from}`
    })
    assert.deepStrictEqual(offences(wrong), [])
  })
})

describe("exports of src", () => {
  /** What a published entry shows as a namespace is for others; every command has the members of its table. */
  const published = list("src/**/index.ts").flatMap((file) =>
    importsOf(file).map((imported) => targetOf(file, imported))
  )
  const isFree = (file: string) => published.includes(file) || /^src\/(bin|protocol)\//.test(file)

  it("are for somebody: another file imports each constant and function", () => {
    const users = new Map<string, Array<string>>()
    for (const file of [...code, "src/index.ts"]) {
      for (const imported of importsOf(file).filter(isOurs)) {
        const target = targetOf(file, imported)
        users.set(target, [...(users.get(target) ?? []), file])
      }
    }
    const wrong = sources.flatMap((file) => {
      if (isFree(file)) return []
      const names = [...read(file).matchAll(/^export (?:const|let|function) (\w+)/gm)].map(([, name = ""]) => name)
      const texts = (users.get(file) ?? []).map(read)
      return names
        .filter((name) => !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)))
        .map((name) => `${name} of ${file}`)
    })
    assert.deepStrictEqual(wrong, [])
  })
})

const lineCountMax = 400
/** A suite is read case by case. */
const testLineCountMax = 500
const columnCountMax = 120
const headerLineCountMax = 15
const functionLineCountMax = 70

/** Longer than the limit, and why. */
const long: Readonly<Record<string, string>> = {
  "src/model/Stream.ts": "the transitions of one state, see its head",
  "test/protocol/goldens.ts": "captured bytes"
}

describe("every file", () => {
  it(`has at most ${lineCountMax} lines (tests ${testLineCountMax}), or a reason`, () => {
    const isLong = (file: string) =>
      read(file).trimEnd().split("\n").length > (file.startsWith("test/") ? testLineCountMax : lineCountMax)
    assert.deepStrictEqual(
      code.filter((file) => isLong(file) && long[file] === undefined),
      []
    )
    assert.deepStrictEqual(
      Object.keys(long).filter((file) => !isLong(file)),
      [],
      "no longer long"
    )
  })

  it(`has lines of at most ${columnCountMax} columns, but for a text that is longer itself`, () => {
    const longText = /(["'`]).{60,}\1/
    const wrong = code.flatMap((file) =>
      read(file)
        .split("\n")
        .map((line, at) =>
          [...line].length > columnCountMax && !longText.test(line) ? `${file}:${at + 1}` : undefined
        )
    )
    assert.deepStrictEqual(offences(wrong), [])
  })

  it(`of src has functions of at most ${functionLineCountMax} lines, those inside them not counted`, () => {
    const opens = /=> \{$|\bfunction\*? ?\w*\(.*\{$|^ {2}(?:get |static |#|\w)[^=]*\).* \{$/
    const wrong = sources.flatMap((file) => {
      const lines = read(file).split("\n")
      const extents = lines.flatMap((line, at) => {
        const indent = /^ */.exec(line)?.[0]
        if (!opens.test(line)) return []
        return [{ at, count: lines.slice(at).findIndex((other) => other.startsWith(`${indent}}`)) + 1 }]
      })
      return extents.map(({ at, count }) => {
        const inner = extents.filter((other) => other.at > at && other.at < at + count)
        const outermost = inner.filter((one) => !inner.some(({ at, count }) => one.at > at && one.at < at + count))
        const own = outermost.reduce((left, other) => left - other.count, count)
        return own > functionLineCountMax ? `${file}:${at + 1} has ${own}` : undefined
      })
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("of src says in its head what it is for, in few lines", () => {
    const wrong = sources.map((file) => {
      // A table of bytes is not prose.
      const header = /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(read(file))?.[0].replace(/^ \*( \|.*)?\n/gm, "")
      return header === undefined || header.split("\n").length > headerLineCountMax ? file : undefined
    })
    assert.deepStrictEqual(offences(wrong), [])
  })

  it("of src is a noun in PascalCase, a folder's index, or a command", () => {
    const wrong = sources.filter((file) => !/\/([A-Z][A-Za-z0-9]*|index|lttng-relayd?)\.ts$/.test(file))
    assert.deepStrictEqual(wrong, [])
  })
})

/** Split, so that this file does not contain them. */
const words = (...halves: ReadonlyArray<readonly [string, string]>) => `(?:${halves.map(([a, b]) => a + b).join("|")})`

describe("words that do not occur", () => {
  const occurrences = (pattern: RegExp, files: ReadonlyArray<string>) =>
    files.filter((file) => pattern.test(read(file)))

  it("promises instead of work", () => {
    const promises = words(["TO", "DO"], ["FIX", "ME"], ["HA", "CK"], ["XX", "X"])
    assert.deepStrictEqual(occurrences(new RegExp(`\\b(${promises})\\b`), texts), [])
  })

  it("what a process has said by now, in a test: it is waited for (`Process.said`), or for the end (`lastSaid`)", () => {
    const suites = code.filter((file) => file.startsWith("test/") && !file.startsWith("test/support/"))
    assert.deepStrictEqual(occurrences(/\.output\(\)/, suites), [])
  })

  it("names that say nothing", () => {
    const empty = new RegExp(`\\b[A-Za-z]*(${words(["Man", "ager"], ["Im", "pl"], ["Hel", "per"])})\\b`)
    assert.deepStrictEqual(occurrences(empty, code), [])
    const vague = ["utils.ts", "util.ts", "helpers.ts", "common.ts", "misc.ts"]
    assert.deepStrictEqual(
      code.filter((file) => vague.includes(basename(file))),
      []
    )
  })

  it("constructors by another name than make", () => {
    // "Create" is the protocol's word for sessions and trace chunks of its own.
    const declared = /\b(?:const|function) create(?!\w*(?:Session|TraceChunk)\b)[A-Z]/
    assert.deepStrictEqual(occurrences(declared, sources), [])
  })

  it("tests that keep others from running", () => {
    assert.deepStrictEqual(occurrences(new RegExp(`\\.${words(["on", "ly"])}\\(`), tests), [])
  })

  it("places of one machine", () => {
    assert.deepStrictEqual(occurrences(new RegExp(`["'\`( ](/${words(["wo", "rk"], ["ro", "ot"])}/\\w)`), texts), [])
  })
})

describe("tests", () => {
  it("assert something, in every file", () => {
    assert.deepStrictEqual(
      tests.filter((file) => !/\b(assert|expect)\b/.test(read(file).replace(/^import .*$/gm, ""))),
      []
    )
  })
})

describe("documents", () => {
  const documents = list("*.md", "{docs,test,bench,examples,packaging}/**/*.md").filter(
    (file) => !file.includes("node_modules")
  )

  it("begin with a page: README.md has at most 150 lines", () => {
    assert.isAtMost(read("README.md").trimEnd().split("\n").length, 150)
  })

  it("link to files and headings that exist", () => {
    const withoutCode = (file: string) => read(file).replace(/^```[\s\S]*?^```/gm, "")
    const anchorsOf = (file: string) =>
      [...withoutCode(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\- ]/gu, "")
          .replaceAll(" ", "-")
      )
    const broken = documents.flatMap((file) =>
      [...withoutCode(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => {
        const [path = "", anchor] = link.split("#")
        if (/^[a-z]+:/.test(link)) return undefined
        const target = path === "" ? file : normalize(join(dirname(file), path))
        if (!existsSync(join(root, target))) return `${file} links to ${link}`
        return anchor === undefined || anchorsOf(target).includes(anchor) ? undefined : `${file} links to ${link}`
      })
    )
    assert.deepStrictEqual(offences(broken), [])
  })
})

describe("the protocol's commands", () => {
  for (const protocol of ["control", "live"]) {
    it(`of ${protocol} have one file each, and the folder's index knows them all`, () => {
      const files = list(`src/protocol/${protocol}/*.ts`)
      const numbers = new Map<number, Array<string>>()
      for (const file of files) {
        const number = /^export const number = (\d+)/m.exec(read(file))?.[1]
        if (number !== undefined) numbers.set(Number(number), [...(numbers.get(Number(number)) ?? []), file])
      }
      assert.isAbove(numbers.size, 0)
      assert.deepStrictEqual(
        [...numbers].filter(([, claimants]) => claimants.length !== 1),
        []
      )
      const index = read(`src/protocol/${protocol}/index.ts`)
      assert.deepStrictEqual(
        [...numbers.values()].flat().filter((file) => !index.includes(`./${basename(file)}`)),
        []
      )
    })
  }
})
