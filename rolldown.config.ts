/**
 * Bundles the two commands into `dist/bin`: with what they use of their packages in a few files, a relay starts in a
 * quarter of the time and with half of the memory. The library is not bundled: it must share its user's `effect`.
 *
 * Each entry stays a file that any Node.js can read, which says so when this one is too old; the rest are chunks that
 * are loaded only by one that is not. Chunks stay beside the entries: they look for `../../package.json`.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { defineConfig, type Plugin, rolldown } from "rolldown"

const packagePattern = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//

/** The licences of what is inside travel with it. */
export const licences: Plugin = {
  name: "licences",
  generateBundle(_options, bundle) {
    const directories = new Map<string, string>()
    for (const output of Object.values(bundle)) {
      if (output.type !== "chunk") continue
      for (const module of output.moduleIds) {
        const [, directory, name] = packagePattern.exec(module) ?? []
        if (directory !== undefined && name !== undefined) directories.set(name, directory)
      }
    }
    const texts = [...directories].sort().map(([name, directory]) => {
      const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
      const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? `Licence: ${manifest.license}` : readFileSync(join(directory, file), "utf8")
      return `${name} ${manifest.version}\n\n${text.trim()}\n`
    })
    this.emitFile({ type: "asset", fileName: "LICENCES.txt", source: texts.join(`\n${"-".repeat(80)}\n\n`) })
  }
}

/** What comes before the runtime. */
const firstStage: Plugin = {
  name: "first stage",
  generateBundle() {
    const source = readFileSync("src/bin/lttng-relayd.sh", "utf8")
    this.emitFile({ type: "asset", fileName: "lttng-relayd", source })
  }
}

/** The operator's page: one script for browsers, beside the commands that serve it. */
const page: Plugin = {
  name: "page",
  async generateBundle() {
    const bundle = await rolldown({ input: "src/admin/page/Page.ts", platform: "browser" })
    const { output } = await bundle.generate({ format: "esm", minify: true })
    const styles = ["node_modules/uplot/dist/uPlot.min.css", "src/admin/page/page.css"]
    const files = {
      "page.js": output[0].code,
      "page.css": styles.map((path) => readFileSync(path, "utf8")).join("\n"),
      "index.html": readFileSync("src/admin/page/index.html", "utf8")
    }
    for (const [name, source] of Object.entries(files)) {
      this.emitFile({ type: "asset", fileName: `page/${name}`, source })
    }
  }
}

const minify = { compress: false, mangle: false, codegen: true } as const

/** `show` loads one file, by `require`: on a short trace loading is most of its time. */
const showFile = "show.cjs"
const shortWay: Plugin = {
  name: "short way to show",
  transform(code, id) {
    if (!id.endsWith("src/bin/lttng-relay.ts")) return undefined
    const loading = 'await import("../cli/recorded/Showing.ts")'
    if (!code.includes(loading)) throw new Error(`${id} does not say: ${loading}`)
    return code.replace(
      loading,
      `process.getBuiltinModule("node:module").createRequire(import.meta.url)("./${showFile}")`
    )
  }
}

const show = defineConfig({
  input: "src/cli/recorded/Showing.ts",
  platform: "node",
  output: { file: `dist/bin/${showFile}`, format: "cjs", minify }
})

const commands = defineConfig({
  input: {
    "lttng-relayd": "src/bin/lttng-relayd.ts",
    "lttng-relay": "src/bin/lttng-relay.ts",
    PortThread: "src/admin/port/PortThread.ts"
  },
  platform: "node",
  plugins: [licences, firstStage, page, shortWay],
  output: {
    dir: "dist/bin",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    // Comments and white space are half of it: 4 MiB less while idle. Names stay, for stacks in logs.
    minify
  }
})

export default [commands, show]
