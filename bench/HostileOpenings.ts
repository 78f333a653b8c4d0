/** What HTTP clients that mean no good begin with; some go on with a byte again and again. */
export const openings: ReadonlyArray<string> = [
  // Half a request, and then a byte of a header again and again.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\nx: ",
  // Nothing.
  "",
  // A body that does not come.
  "POST /api/v1/drain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\ncontent-type: application/json\r\n\r\n{",
  // No HTTP.
  "\0\0\0\0\0\0\0\x08\0\0\0\x01",
  // A header without end.
  `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`,
  // Answers that are not read.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(50),
  // Events that are not read.
  "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n"
]
