/** A target's bytes by hand are published: `lttng-relay/testing`. */
export * from "../../src/testing/PeerBytes.ts"
