/** Bundles the benchmark into `dist/bench`: it runs from the installed package, which has none of its libraries. */
import { defineConfig } from "rolldown"
import { licences } from "./rolldown.config.ts"

export default defineConfig({
  input: {
    run: "bench/run.ts",
    main: "bench/portable/main.ts",
    HostileProgram: "bench/HostileProgram.ts",
    FloodProgram: "bench/FloodProgram.ts",
    LinkProgram: "bench/LinkProgram.ts",
    RelayProgram: "bench/RelayProgram.ts"
  },
  platform: "node",
  plugins: [licences],
  output: {
    dir: "dist/bench",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    minify: { compress: false, mangle: false, codegen: true }
  }
})
