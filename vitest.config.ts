import { defineConfig } from "vitest/config"

/** Real viewers that die if a tracer is later than relays allow for: nothing else makes it late. */
const alone = ["test/interop/viewers.test.ts"]

export default defineConfig({
  test: {
    // Suites with real peers keep several processes busy each: more files at once only make each other late.
    maxWorkers: 2,
    maxConcurrency: 3,
    projects: [
      {
        extends: true,
        test: { name: "beside others", include: ["test/**/*.test.ts"], exclude: alone, sequence: { groupOrder: 0 } }
      },
      { extends: true, test: { name: "alone", include: alone, sequence: { groupOrder: 1 } } }
    ],
    globalSetup: ["test/support/bundle.ts"],
    // Whoever waits for a condition gives up earlier, and says for what.
    testTimeout: 120_000,
    hookTimeout: 60_000
  }
})
