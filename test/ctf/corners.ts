/**
 * What metadata and packets may be, and no tracer we know of makes them: the lines that babeltrace2 2.1 prints, or that
 * it refuses the metadata. Earlier versions answer some of these otherwise.
 */

export interface Corner {
  readonly what: string
  readonly metadata: string
  /** Hexadecimal; by file. Of none: one with the bytes 1, 2, 3, 4. */
  readonly files?: Readonly<Record<string, string>>
  /** Undefined: the metadata is refused. */
  readonly lines: ReadonlyArray<string> | undefined
  /** After these lines, it fails. */
  readonly fails?: boolean
}

const u8 = "integer { size = 8; }"
const u32 = "integer { size = 32; }"
const clock = "clock { name = c; freq = 1000000000; absolute = true; };"
const mapped = "integer { size = 64; map = clock.c.value; }"
const sizes = `${u32} content_size; ${u32} packet_size;`

interface Parts {
  readonly before?: string
  readonly header?: string
  readonly stream?: string
  readonly event?: string
  readonly fields?: string
}

const tsdl = ({ before = "", event, fields = `${u8} x;`, header = "", stream = "" }: Parts): string =>
  [
    `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; ${header} };`,
    before,
    stream && `stream { ${stream} };`,
    event ?? `event { name = "e"; fields := struct { ${fields} }; };`
  ].join("\n")

const four = ["e: { x = 1 }", "e: { x = 2 }", "e: { x = 3 }", "e: { x = 4 }"]
const field = (what: string, fields: string, lines: Corner["lines"]): Corner => ({
  what,
  metadata: tsdl({ fields }),
  lines
})
const named = (what: string, name: string, shown: string): Corner => ({
  what,
  metadata: tsdl({ event: `event { name = "${name}"; fields := struct { integer { size = 32; } x; }; };` }),
  lines: `${shown}: { x = 67305985 }`.split("\n")
})

const json = (...members: ReadonlyArray<string>): string =>
  [
    '{"type":"preamble","version":2}',
    '{"type":"data-stream-class"}',
    `{"type":"event-record-class","name":"e","payload-field-class":{"type":"structure","member-classes":[${members}]}}`
  ]
    .map((fragment) => `\u001e${fragment}`)
    .join("")
const bits = (type: string, more = ""): string =>
  `{"type":"fixed-length-${type}","length":8,"byte-order":"little-endian","alignment":8${more}}`
const number = bits("unsigned-integer")
const member = (name: string, fieldClass: string): string => `{"name":"${name}","field-class":${fieldClass}}`
const structure = (...members: ReadonlyArray<string>): string => `{"type":"structure","member-classes":[${members}]}`
const variant = (first: string, second: string): string =>
  `{"type":"variant","selector-field-location":{"path":["k"]},"options":[{"selector-field-ranges":[[0,1]],"field-class":${first}},{"selector-field-ranges":[[2,9]],"field-class":${second}}]}`
const array = (...path: ReadonlyArray<string>): string =>
  `{"type":"dynamic-length-array","length-field-location":{"path":${JSON.stringify(path)}},"element-field-class":${number}}`
const text16 = (kind: string, length: string): string =>
  `{"type":"${kind}-length-string","encoding":"utf-16le",${length}}`
/** Where `selector` is true or, with ranges, in one of them. */
const optional = (selector: string, fieldClass: string, more = ""): string =>
  `{"type":"optional","selector-field-location":{"path":["${selector}"]},"field-class":${fieldClass}${more}}`
const inSome = ',"selector-field-ranges":[[1,255]]'

export const corners: ReadonlyArray<Corner> = [
  named("a text over two lines", "a\nb", "a\nb"),
  named("the last byte of a number of three digits", "a\\x141\\500b", "aA@b"),
  named("a zero ends a text", "ab\\0cd", "ab"),
  named("bytes that are no UTF-8", "a\\377", "a\xff"),
  field(
    "a length found further out than a field of the first name, in which the path does not go on",
    `struct { ${u8} in; } s; struct { ${u8} s; ${u8} a[s.in]; } t; ${u8} z;`,
    ["e: { s = { in = 1 }, t = { s = 2, a = [ [0] = 3 ] }, z = 4 }"]
  ),
  field(
    "a length in a field of the name that its array has",
    `struct { ${u8} in; } s; struct { ${u8} a; ${u8} s[s.in]; } t; ${u8} z;`,
    ["e: { s = { in = 1 }, t = { a = 2, s = [ [0] = 3 ] }, z = 4 }"]
  ),
  field("a number with a suffix that says nothing about its sign", "integer { size = 8L; } x;", undefined),
  field("a number with the suffix of two", "integer { size = 8uLL; } x;", four),
  field("a number in parentheses", "integer { size = (8); } x;", four),
  field("`True`", "integer { size = 8; signed = True; } x;", undefined),
  field("a map that is a number", "integer { size = 8; map = 3; } x;", undefined),
  field("a text whose characters have labels", "enum : integer { size = 8; encoding = UTF8; } { A = 1 } x[4];", [
    'e: { x = "\\x01\\x02\\x03\\x04" }'
  ]),
  field("a length in quotes", `${u8} n; ${u8} s["n"]; ${u8} m[2];`, [
    "e: { n = 1, s = [ [0] = 2 ], m = [ [0] = 3, [1] = 4 ] }"
  ]),
  {
    what: "names without quotes",
    metadata: tsdl({ before: "env { hostname = here.there; procname = p; vpid = 18446744073709551615; };" }),
    lines: four.map((line) => `here.there:p:(-1) ${line}`)
  },
  {
    what: "a type in the environment, which means nothing there",
    metadata: tsdl({ before: `env { hostname = "vm"; procname := ${u8}; };` }),
    lines: four.map((line) => `vm ${line}`)
  },
  {
    what: "types with tags and words of the language, declared after the event that has them",
    metadata: [
      tsdl({ fields: "struct s a; enum t b; signed c; variant v <b> d;" }),
      `struct s { ${u8} x; }; enum t : ${u8} { A = 2 }; typealias ${u8} := signed; variant v { ${u8} A; };`
    ].join("\n"),
    lines: ['e: { a = { x = 1 }, b = ( "A" : container = 2 ), c = 3, d = { 4 } }']
  },
  {
    what: "pointers of any type: only an integer's is in base 16",
    metadata: [
      `/* CTF 1.8 */ typealias ${u8} := a *; typealias enum : ${u8} { A = 2 } := b *; typealias string := c *;`,
      tsdl({ fields: "a *x; b *y; c *z;" }).replace("/* CTF 1.8 */ ", "")
    ].join("\n"),
    files: { s: "0a 02 4100" },
    lines: ['e: { x = 0xA, y = ( "A" : container = 2 ), z = "A" }']
  },
  {
    what: "an enumeration of an enumeration",
    metadata: tsdl({ before: `typealias enum : ${u8} { A } := t;`, fields: "enum : t { B } x;" }),
    lines: undefined
  },
  {
    what: "an enumeration of the `int` that is one",
    metadata: tsdl({ before: `typealias enum : ${u8} { A } := int;`, fields: "enum { B } x;" }),
    lines: undefined
  },
  {
    what: "a length in the packet's context, of an array in the common context of events",
    metadata: tsdl({
      stream: `packet.context := struct { ${u8} n; }; event.context := struct { ${u8} a[stream.packet.context.n]; };`
    }),
    files: { s: "02 01 02 03 04 05 06" },
    lines: [
      "e: { n = 2 }, { a = [ [0] = 1, [1] = 2 ] }, { x = 3 }",
      "e: { n = 2 }, { a = [ [0] = 4, [1] = 5 ] }, { x = 6 }"
    ]
  },
  {
    what: "a byte order that changes within a byte, in an option that is chosen after so many that code was generated",
    metadata: tsdl({
      fields: `enum : ${u8} { A, B } t; variant <t> { ${u8} A; struct { integer { size = 4; } le; integer { size = 4; byte_order = be; } be; } B; } v;`
    }),
    files: { s: `${"0007".repeat(300)}0121` },
    lines: Array<string>(300).fill('e: { t = ( "A" : container = 0 ), v = { 7 } }'),
    fails: true
  },
  field("an enumeration's values in parentheses", `enum : ${u8} { A = (1), B = -(-2), C = +(3) ... (4) } x;`, [
    'e: { x = ( "A" : container = 1 ) }',
    'e: { x = ( "B" : container = 2 ) }',
    'e: { x = ( "C" : container = 3 ) }',
    'e: { x = ( "C" : container = 4 ) }'
  ]),
  {
    what: "an event of a stream's id, and no stream",
    metadata: tsdl({ event: `event { name = "e"; stream_id = 0; fields := struct { ${u8} x; }; };` }),
    lines: undefined
  },
  {
    what: "a name of a type, declared after the event that has it",
    metadata: `${tsdl({ fields: "u8 x;" })} typealias ${u8} := u8;`,
    lines: undefined
  },
  {
    what: "several events, and nothing that tells them apart",
    metadata: tsdl({
      event: [0, 1].map((id) => `event { name = "e"; id = ${id}; fields := struct { ${u8} x; }; };`).join("\n")
    }),
    lines: undefined
  },
  {
    what: "a size with a sign",
    metadata: tsdl({ stream: `packet.context := struct { integer { size = 32; signed = true; } content_size; };` }),
    lines: undefined
  },
  {
    what: "sizes in a structure of the packet's context, which mean nothing",
    metadata: tsdl({ stream: `packet.context := struct { struct { ${u8} content_size; ${u8} packet_size; } s; };` }),
    lines: [
      "e: { s = { content_size = 1, packet_size = 2 } }, { x = 3 }",
      "e: { s = { content_size = 1, packet_size = 2 } }, { x = 4 }"
    ]
  },
  {
    what: "sizes with an underscore, which mean what they do without",
    metadata: tsdl({ stream: `packet.context := struct { ${u8} _content_size; ${u8} _packet_size; };` }),
    files: { s: "18 18 03" },
    lines: ["e: { x = 3 }"]
  },
  {
    what: "a context of packets with nothing in it",
    metadata: tsdl({ stream: "packet.context := struct { };" }),
    lines: four
  },
  {
    what: "a context of events with nothing in it but a time",
    metadata: tsdl({
      before: clock,
      stream: `packet.context := struct { ${mapped} timestamp_begin; ${mapped} timestamp_end; }; event.context := struct { ${mapped} t; };`
    }),
    files: { s: "0100000000000000 0900000000000000 0500000000000000 07" },
    lines: ["[00:00:00.000000001] (+?.?????????) e: { }, { x = 7 }"]
  },
  {
    what: "a nanosecond back, which for babeltrace2 is no difference at all",
    metadata: tsdl({
      before: clock,
      stream: `packet.context := struct { ${mapped} timestamp_begin; ${mapped} timestamp_end; }; event.header := struct { ${mapped} timestamp; };`
    }),
    files: { s: "0100000000000000 0900000000000000 0500000000000000 07 0400000000000000 08 0200000000000000 09" },
    lines: [
      "[00:00:00.000000005] (+?.?????????) e: { x = 7 }",
      "[00:00:00.000000004] (+?.?????????) e: { x = 8 }",
      "[00:00:00.000000002] (+18446744073.709551614) e: { x = 9 }"
    ]
  },
  ...[
    ["-2", "feffffffffffff7f", "[23:47:14.854775806] (+?.?????????) e: { x = 7 }"],
    ["-2", "ffffffffffffff7f", undefined],
    ["-2", "0000000000000080", undefined],
    ["9223372034", "ff93357700000000", "[23:47:15.999999999] (+?.?????????) e: { x = 7 }"],
    ["9223372035", "0000000000000000", undefined],
    ["-9223372036", "0100000000000000", "[-9223372035.999999999] (+?.?????????) e: { x = 7 }"],
    ["-9223372037", "0100000000000000", undefined]
  ].map(
    ([offset, time = "", line]): Corner => ({
      what: `${time} nanoseconds of a clock that is ${offset} s away`,
      metadata: tsdl({
        before: `clock { name = c; offset_s = ${offset}; absolute = true; };`,
        stream: `packet.context := struct { ${mapped} timestamp_begin; }; event.header := struct { ${mapped} timestamp; };`
      }),
      files: { s: `0000000000000000 ${time} 07` },
      lines: line === undefined ? [] : [line],
      fails: line === undefined
    })
  ),
  {
    what: "a time in the packet's header",
    metadata: tsdl({ header: `packet.header := struct { ${u8} t; };`, before: clock }).replace(
      `{ ${u8} t`,
      "{ integer { size = 8; map = clock.c.value; } t"
    ),
    lines: undefined
  },
  {
    what: "a `timestamp` that is none",
    metadata: tsdl({ stream: "event.header := struct { string timestamp; };" }),
    files: { s: "4100 07 00 08" },
    lines: ["e: { x = 7 }", "e: { x = 8 }"]
  },
  {
    what: "another stream of the same class in one file",
    metadata: tsdl({
      header: `packet.header := struct { ${u8} stream_instance_id; };`,
      stream: `packet.context := struct { ${sizes} };`
    }),
    files: { s: "01 50000000 50000000 07  02 50000000 50000000 08" },
    lines: ["e: { x = 7 }"],
    fails: true
  },
  {
    what: "files without times in the order of their streams' ids",
    metadata: tsdl({ header: `packet.header := struct { ${u8} stream_instance_id; };` }),
    files: { a: "08 01", b: "07 02" },
    lines: ["e: { x = 2 }", "e: { x = 1 }"]
  },
  {
    what: "a packet that says its content only, cut short",
    metadata: tsdl({ stream: `packet.context := struct { ${u8} content_size; };` }),
    files: { s: "18 01 02  20 03 04" },
    lines: ["e: { x = 1 }", "e: { x = 2 }", "e: { x = 3 }", "e: { x = 4 }"],
    fails: true
  },
  {
    what: "a content that ends within the packet's head",
    metadata: tsdl({ stream: `packet.context := struct { ${u8} packet_size; ${u8} content_size; };` }),
    files: { s: "20 08 01 02" },
    lines: ["e: { x = 1 }", "e: { x = 2 }"],
    fails: true
  },
  {
    what: "a packet that ends within its head",
    metadata: tsdl({ stream: `packet.context := struct { ${u8} packet_size; ${u8} content_size; };` }),
    files: { s: "08 08 01 02" },
    lines: [],
    fails: true
  },
  {
    what: "a length in whatever option was chosen (CTF 2)",
    metadata: json(
      member("k", number),
      member("x", variant(structure(member("n", number)), structure(member("m", number), member("n", number)))),
      member("y", array("x", "n"))
    ),
    files: { s: "01 02 41 42  02 09 01 43  01 00" },
    lines: [
      "e: { k = 1, x = { { n = 2 } }, y = [ [0] = 65, [1] = 66 ] }",
      "e: { k = 2, x = { { m = 9, n = 1 } }, y = [ [0] = 67 ] }",
      "e: { k = 1, x = { { n = 0 } }, y = [ ] }"
    ]
  },
  {
    what: "a length that not all options have (CTF 2)",
    metadata: json(
      member("k", number),
      member("x", variant(structure(member("n", number)), structure(member("m", number)))),
      member("y", array("x", "n"))
    ),
    lines: undefined
  },
  {
    what: "a length that is a variant with a number in each option (CTF 2)",
    metadata: json(member("k", number), member("x", variant(number, bits("boolean"))), member("y", array("x"))),
    lines: undefined
  },
  {
    what: "an optional in an optional (CTF 2)",
    metadata: json(
      member("a", number),
      member("b", number),
      member("x", optional("a", optional("b", number, inSome), inSome))
    ),
    files: { s: "00 00  00 01  01 00  01 01 2a" },
    lines: [
      "e: { a = 0, b = 0, x = <none> }",
      "e: { a = 0, b = 1, x = <none> }",
      "e: { a = 1, b = 0, x = { <none> } }",
      "e: { a = 1, b = 1, x = { { 42 } } }"
    ]
  },
  {
    what: "an absent optional in another, both chosen by booleans (CTF 2)",
    metadata: json(
      member("a", bits("boolean")),
      member("b", bits("boolean")),
      member("x", optional("a", optional("b", number)))
    ),
    files: { s: "00 00  00 01  01 00" },
    lines: [
      "e: { a = false, b = false, x = <none> }",
      "e: { a = false, b = true, x = <none> }",
      "e: { a = true, b = false, x = <none> }"
    ]
  },
  {
    what: "zeros, which end names and labels (CTF 2)",
    metadata: json(
      member("n\\u0000b", number),
      member("y", bits("unsigned-integer", ',"mappings":{"A\\u0000B":[[0,9]]}'))
    ).replace('"name":"e"', '"name":"e\\u0000f"'),
    files: { s: "02 09" },
    lines: ['e: { n = 2, y = ( "A" : container = 9 ) }']
  },
  {
    what: "zeros, which end the names and texts of the environment (CTF 2)",
    metadata: json(member("x", number)).replace(
      '\u001e{"type":"data',
      '\u001e{"type":"trace-class","environment":{"hostname\\u0000x":"vm\\u0000y"}}$&'
    ),
    lines: four.map((line) => `vm ${line}`)
  },
  {
    what: "a member that stands twice in an object (CTF 2)",
    metadata: json(`{"name":"x","name":"x","field-class":${number}}`),
    lines: undefined
  },
  {
    what: "a flag of a bit that there is not (CTF 2)",
    metadata: json(member("x", bits("bit-map", ',"flags":{"a":[[0,8]]}'))),
    lines: undefined
  },
  {
    what: "a label beyond the numbers that have a sign (CTF 2)",
    metadata: json(member("x", bits("signed-integer", ',"mappings":{"a":[[0,9223372036854775808]]}'))),
    lines: undefined
  },
  ...[
    ["utf-16le", "6100 00d8 0000  6200 0000"],
    ["utf-16be", "0061 dc00 0000  0062 0000"],
    ["utf-32le", "00d80000 00000000"],
    ["utf-32be", "00110000 00000000"]
  ].map(
    ([encoding, bytes = ""]): Corner => ({
      what: `${encoding} that is none (CTF 2)`,
      metadata: json(member("x", `{"type":"null-terminated-string","encoding":"${encoding}"}`)),
      files: { s: bytes },
      lines: [],
      fails: true
    })
  ),
  {
    what: "the last record's text that is no UTF-16 (CTF 2)",
    metadata: json(member("x", '{"type":"null-terminated-string","encoding":"utf-16le"}')),
    files: { s: "3dd8 00de 0000  fffe 0000  00de 0000" },
    lines: ['e: { x = "\u{1f600}" }', 'e: { x = "\ufeff" }'].map((line) => Buffer.from(line).toString("latin1")),
    fails: true
  },
  {
    what: "half of a character at the end of a text of some length (CTF 2)",
    metadata: json(member("n", number), member("x", text16("dynamic", '"length-field-location":{"path":["n"]}'))),
    files: { s: "04 6100 6200  05 6100 0000 ff  03 6100 ff" },
    lines: ['e: { n = 4, x = "ab" }', 'e: { n = 5, x = "a" }'],
    fails: true
  },
  {
    what: "half of a character at the end of a text of one length (CTF 2)",
    metadata: json(member("x", text16("static", '"length":3'))),
    files: { s: "0000 ff  6100 ff" },
    lines: ['e: { x = "" }'],
    fails: true
  }
]
