/** A relay's configuration: its schema, its defaults, and a `Config` that reads it. */
export { config } from "./FromEnvironment.ts"
export * from "./RelayConfig.ts"
export { defaults } from "./RelayDefaults.ts"
