/** What a session daemon of 2.13 says of a session that it creates. */
export const session = {
  sessionName: "s",
  hostname: "h",
  basePath: "",
  liveTimer: 1_000_000,
  snapshot: false,
  nameContainsCreationTime: false,
  sessiondUuid: "1".repeat(32),
  sessionId: 3n,
  creationTime: 1_790_000_000n,
  currentChunkId: undefined,
  traceFormat: 1
} as const
