/** The scripted peer is published: `lttng-relay/testing`. */
export * from "../../src/testing/Wire.ts"
