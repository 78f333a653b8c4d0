/** The API reference: everything that package.json exports, complete and without warnings, or it fails. */
import { readFileSync } from "node:fs"

const root = new URL("../..", import.meta.url)
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8"))
const missing = JSON.parse(readFileSync(new URL("missing.json", import.meta.url), "utf8"))
const sourceOf = ({ types }) => new URL(types.replace(/^\.\/dist\/(.*)\.d\.ts$/, "src/$1.ts"), root).pathname

export default {
  name: "lttng-relay",
  plugin: [new URL("plugin.js", import.meta.url).pathname],
  entryPoints: Object.values(manifest.exports)
    .filter(({ types }) => types !== undefined)
    .map(sourceOf),
  tsconfig: new URL("tsconfig.build.json", root).pathname,
  out: new URL("html", import.meta.url).pathname,
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  requiredToBeDocumented: [
    "Module",
    "Namespace",
    "Enum",
    "Variable",
    "Function",
    "Class",
    "Interface",
    "Method",
    "TypeAlias"
  ],
  // What is still to be said, or exported: nothing may be added, and what is no longer missing must go.
  intentionallyNotDocumented: missing.undocumented,
  intentionallyNotExported: missing.unexported,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  treatWarningsAsErrors: true
}
