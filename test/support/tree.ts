/** Directory trees as values are published: `lttng-relay/testing`. */
export * from "../../src/testing/Tree.ts"
