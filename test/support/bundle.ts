/**
 * Before the tests: bundles the commands, so that tests start what is shipped, as it is now in `src`. From the sources
 * a relay takes four times as long to start, and the suites start hundreds.
 *
 * Files that are already right are left alone, and others replaced at once: another run may be starting relays. Other
 * users may read them, whatever the umask: some tests start a command as one.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type OutputOptions, rolldown } from "rolldown"
import configs from "../../rolldown.config.ts"

const directory = fileURLToPath(new URL("../.bundle", import.meta.url))

/** The daemon as it is shipped. */
export const daemonProgram = join(directory, "lttng-relayd.js")
/** The toolbox as it is shipped. */
export const toolboxProgram = join(directory, "lttng-relay.js")

const contentOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

export const setup = async (): Promise<void> => {
  const outputs = configs.map(async (config) => {
    const bundle = await rolldown(config)
    return (await bundle.generate(config.output as OutputOptions)).output
  })
  for (const file of (await Promise.all(outputs)).flat()) {
    const content = String(file.type === "chunk" ? file.code : file.source)
    const path = join(directory, file.fileName)
    if (contentOf(path) !== content) {
      mkdirSync(dirname(path), { recursive: true })
      const aside = `${path}.${process.pid}`
      writeFileSync(aside, content)
      renameSync(aside, path)
    }
    for (let each = path; each.startsWith(directory); each = dirname(each)) chmodSync(each, 0o755)
  }
}
