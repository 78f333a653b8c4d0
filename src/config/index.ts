/** What a relay is told when it starts: schema, defaults, and where a program can have it from. */
export { config } from "./FromEnvironment.ts"
export * from "./RelayConfig.ts"
export { defaults } from "./RelayDefaults.ts"
