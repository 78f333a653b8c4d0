/** The API reference: everything that package.json exports, complete and without warnings, or it fails. */
import { readFileSync } from "node:fs"

const root = new URL("../..", import.meta.url)
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8"))
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
  // One is the shape that a `typeof` asks for, the other what a store keeps to itself.
  intentionallyNotExported: ["Struct.fields", "FilePool"],
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  treatWarningsAsErrors: true
}
