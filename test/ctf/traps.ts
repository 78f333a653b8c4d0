/**
 * The traps of the specification (§14), each in forms that no recorded trace has: metadata, files, and the lines that
 * the specification makes of them. babeltrace2 2.0 prints the same, but for those that say why not.
 */

export interface Trap {
  /** Of §14. */
  readonly number: number
  readonly what: string
  readonly metadata: string
  /** Hexadecimal; by file. */
  readonly files: Readonly<Record<string, string>>
  readonly lines: ReadonlyArray<string>
  /** Why babeltrace2 2.0 prints something else. */
  readonly unlike?: string
}

const types = `typealias integer { size = 8; align = 8; } := u8;
typealias integer { size = 16; align = 8; } := u16;
typealias integer { size = 32; align = 8; } := u32;
typealias integer { size = 64; align = 8; } := u64;
`
const clock = "clock { name = c; freq = 1000000000; };\n"
const trace = (order: "le" | "be", header = ""): string =>
  `/* CTF 1.8 */\ntrace { major = 1; minor = 8; byte_order = ${order}; ${header} };\n${types}`
const stream = (context: string, header: string): string => {
  const parts = [context && `packet.context := ${context};`, header && `event.header := ${header};`]
  return `stream { ${parts.join(" ")} };\n`
}
const event = (fields: string, more = ""): string => `event { name = "e"; ${more} fields := struct { ${fields} }; };\n`
const mapped = (size: number, align = 8): string => `integer { size = ${size}; align = ${align}; map = clock.c.value; }`
/** A CTF 2 metadata stream. */
const json = (...fragments: ReadonlyArray<string>): string =>
  ['{"type":"preamble","version":2}', ...fragments].map((fragment) => `\u001e${fragment}`).join("")
const ofStream = '{"type":"data-stream-class"}'
const u8 = '{"type":"fixed-length-unsigned-integer","length":8,"byte-order":"little-endian","alignment":8}'
const member = (name: string, fieldClass: string): string =>
  `{"name":${JSON.stringify(name)},"field-class":${fieldClass}}`
const payload = (...members: ReadonlyArray<string>): string =>
  `{"type":"event-record-class","name":"e","payload-field-class":{"type":"structure","member-classes":[${members}]}}`

const compact = `struct {
  enum : integer { size = 5; align = 1; } { compact = 0 ... 30, extended = 31 } id;
  variant <id> {
    struct { ${mapped(27, 1)} timestamp; } compact;
    struct { u32 id; ${mapped(64)} timestamp; } extended;
  } v;
} align(8)`

export const traps: ReadonlyArray<Trap> = [
  {
    number: 1,
    what: "an extended header with a small id, then a compact one",
    metadata: trace("le") + clock + stream("", compact) + event("u8 x;", "id = 2;") + event("u16 y;", "id = 31;"),
    files: { s: `1f 02000000 0500000000000000 07  c2000000 08  1f 1f000000 0700000000000000 0100` },
    lines: [
      "[00:00:00.000000005] (+?.?????????) e: { x = 7 }",
      "[00:00:00.000000006] (+0.000000001) e: { x = 8 }",
      "[00:00:00.000000007] (+0.000000001) e: { y = 1 }"
    ]
  },
  {
    number: 1,
    what: "the same, big-endian, with a large id",
    metadata: trace("be") + clock + stream("", compact) + event("u8 x;", "id = 70000;"),
    files: { s: "f8 00011170 0000000000000005 07" },
    lines: ["[00:00:00.000000005] (+?.?????????) e: { x = 7 }"]
  },
  {
    number: 2,
    what: "options by labels with one underscore, two, and none",
    metadata:
      trace("le") +
      event('enum : u8 { "_a" = 0, "__a" = 1, b = 2 } _tag; variant <_tag> { u8 _a; u16 __a; string b; } _v;'),
    files: { s: "00 05  01 0600  02 4200" },
    lines: [
      'e: { tag = ( "_a" : container = 0 ), v = { 5 } }',
      'e: { tag = ( "__a" : container = 1 ), v = { 6 } }',
      'e: { tag = ( "b" : container = 2 ), v = { "B" } }'
    ]
  },
  {
    number: 3,
    what: "a second packet that does not begin where its alignment would",
    metadata:
      trace("le") + stream("struct { u8 packet_size; }", "") + event("u8 x; integer { size = 16; align = 32; } y;"),
    files: { s: "50 ffffff 01 ffffff 0200  50 ffffff 03 ffffff 0400" },
    lines: ["e: { x = 1, y = 2 }", "e: { x = 3, y = 4 }"]
  },
  {
    number: 3,
    what: "alignment of 64 bits behind a packet of five bytes",
    metadata:
      trace("be") +
      stream("struct { u8 packet_size; u8 content_size; }", "") +
      event("integer { size = 8; align = 64; } x;"),
    files: { s: "50 48 ffffffffffff 01 00  68 48 ffffffffffff 02 00000000" },
    lines: ["e: { x = 1 }", "e: { x = 2 }"]
  },
  {
    number: 4,
    what: "no elements of 32 bits, alone and in a structure",
    metadata: trace("le") + event("u8 n; struct { integer { size = 32; align = 32; } a[n]; } s; u8 x;"),
    files: { s: "00 ffffff 07 eeeeee 00 ffffff 08" },
    lines: ["e: { n = 0, s = { a = [ ] }, x = 7 }", "e: { n = 0, s = { a = [ ] }, x = 8 }"]
  },
  {
    number: 4,
    what: "a minimum alignment of CTF 2 and no elements",
    metadata: json(
      ofStream,
      payload(
        member("n", u8),
        member(
          "a",
          `{"type":"dynamic-length-array","length-field-location":{"path":["n"]},"minimum-alignment":32,"element-field-class":${u8}}`
        ),
        member("x", u8)
      )
    ),
    files: { s: "00 ffffff 07" },
    lines: ["e: { n = 0, a = [ ], x = 7 }"]
  },
  {
    number: 5,
    what: "an end before the begin in the packet's context",
    metadata:
      trace("le") +
      clock +
      stream(
        `struct { ${mapped(64)} timestamp_end; ${mapped(64)} timestamp_begin; u32 packet_size; }`,
        `struct { ${mapped(8)} timestamp; }`
      ) +
      event("u8 x;"),
    files: { s: "0901000000000000 fe00000000000000 c0000000 ff01 0502" },
    lines: ["[00:00:00.000000255] (+?.?????????) e: { x = 1 }", "[00:00:00.000000261] (+0.000000006) e: { x = 2 }"]
  },
  {
    number: 5,
    what: "an end behind the begin, far away",
    metadata:
      trace("be") +
      clock +
      stream(
        `struct { ${mapped(64)} timestamp_begin; ${mapped(64)} timestamp_end; u32 packet_size; }`,
        `struct { ${mapped(16)} timestamp; }`
      ) +
      event("u8 x;"),
    files: { s: "0000000000000001 0000000000ffffff 000000d0 0002 01 0003 02" },
    lines: ["[00:00:00.000000002] (+?.?????????) e: { x = 1 }", "[00:00:00.000000003] (+0.000000001) e: { x = 2 }"]
  },
  {
    number: 6,
    what: "equal low bits, then smaller ones by one",
    metadata: trace("le") + clock + stream("", `struct { ${mapped(8)} timestamp; }`) + event("u8 x;"),
    files: { s: "0501 0502 0403 0404" },
    lines: [
      "[00:00:00.000000005] (+?.?????????) e: { x = 1 }",
      "[00:00:00.000000005] (+0.000000000) e: { x = 2 }",
      "[00:00:00.000000260] (+0.000000255) e: { x = 3 }",
      "[00:00:00.000000260] (+0.000000000) e: { x = 4 }"
    ]
  },
  {
    number: 6,
    what: "three bits of a clock, big-endian, through all of them",
    metadata:
      trace("be") + clock + stream("", `struct { ${mapped(3, 1)} timestamp; integer { size = 5; } p; }`) + event(""),
    files: { s: "e0 00 20 00" },
    lines: [
      "[00:00:00.000000007] (+?.?????????) e: { }",
      "[00:00:00.000000008] (+0.000000001) e: { }",
      "[00:00:00.000000009] (+0.000000001) e: { }",
      "[00:00:00.000000016] (+0.000000007) e: { }"
    ]
  },
  {
    number: 7,
    what: "unsigned long of 32 bits, big-endian",
    metadata:
      trace("be") +
      "typealias integer { size = 32; align = 32; } := unsigned long;\n" +
      stream("struct { unsigned long content_size; unsigned long packet_size; unsigned long events_discarded; }", "") +
      event("u16 x;"),
    files: { s: "00000070 00000080 00000000 0102 0000" },
    lines: ["e: { x = 258 }"]
  },
  {
    number: 8,
    what: "an offset of more cycles than 2⁵³, at 3 GHz",
    metadata:
      trace("le") +
      "clock { name = c; freq = 3000000000; offset = 4500000000000000001; };\n" +
      stream("", `struct { ${mapped(64)} timestamp; }`) +
      event("u8 x;"),
    files: { s: "0200000000000000 01 0800000000000000 02" },
    lines: ["[02:40:00.000000000] (+?.?????????) e: { x = 1 }", "[02:40:00.000000002] (+0.000000002) e: { x = 2 }"]
  },
  {
    number: 9,
    what: "bytes that are not UTF-8, and text without its end",
    metadata: trace("le") + event("integer { size = 8; align = 8; encoding = UTF8; } a[3]; string b; u8 c[2];"),
    files: { s: "610062 ff80c300 4100  c3bc62 6200 0042" },
    lines: [
      'e: { a = "a", b = "\xff\x80\xc3", c = [ [0] = 65, [1] = 0 ] }',
      'e: { a = "\xc3\xbcb", b = "b", c = [ [0] = 0, [1] = 66 ] }'
    ]
  },
  {
    number: 9,
    what: "signed characters, and a sequence of them that is empty",
    metadata: trace("be") + event("u8 n; integer { size = 8; align = 8; signed = true; encoding = ASCII; } a[n];"),
    files: { s: "02 e942  00  03 1b22 5c" },
    lines: ['e: { n = 2, a = "\xe9B" }', 'e: { n = 0, a = "" }', 'e: { n = 3, a = "\\e\\"\\\\" }'],
    unlike: "an empty text is what the one before was"
  },
  {
    number: 10,
    what: "texts with ends of declarations, comments with quotes",
    metadata: `${trace("le")}/* "; } */ env { a = "}; /* "; b = "\\";"; }; // '"\n${event('enum : u8 { "};" = 1, "/*" = 2, "*/" = 3 } x;')}`,
    files: { s: "010203" },
    lines: [
      'e: { x = ( "};" : container = 1 ) }',
      'e: { x = ( "/*" : container = 2 ) }',
      'e: { x = ( "*/" : container = 3 ) }'
    ]
  },
  {
    number: 11,
    what: "ranges to the ends of 64 bits, of either sign",
    metadata:
      trace("le") +
      event(`enum : integer { size = 64; align = 8; signed = true; }
        { low = -9223372036854775808 ... -2, minus = -1, next, high = 9223372036854775807 } a;
        enum : u64 { some = 0 ... 9223372036854775807, most = 9223372036854775808 ... 18446744073709551615 } b;`),
    files: { s: "0000000000000080 ffffffffffffffff  0000000000000000 ffffffffffffff7f" },
    lines: [
      'e: { a = ( "low" : container = -9223372036854775808 ), b = ( "most" : container = 18446744073709551615 ) }',
      'e: { a = ( "next" : container = 0 ), b = ( "some" : container = 9223372036854775807 ) }'
    ]
  },
  {
    number: 11,
    what: "labels that stand twice, and overlap",
    metadata: trace("le") + event('enum : u8 { A = 1, B = 0 ... 5, A = 3 ... 9, "C c" = 7 } x;'),
    files: { s: "00 01 07 0a" },
    lines: [
      'e: { x = ( "B" : container = 0 ) }',
      'e: { x = ( { "A", "B" } : container = 1 ) }',
      'e: { x = ( { "A", "C c" } : container = 7 ) }',
      "e: { x = ( <unknown> : container = 10 ) }"
    ],
    unlike: "several labels have no braces"
  },
  {
    number: 12,
    what: "big-endian bits between little-endian ones",
    metadata:
      trace("le") +
      event(`integer { size = 4; } a; integer { size = 4; } b;
        integer { size = 3; byte_order = be; } c; integer { size = 13; byte_order = be; } d;
        integer { size = 12; } e; integer { size = 4; } f;`),
    files: { s: "21 a234 43f5" },
    lines: ["e: { a = 1, b = 2, c = 5, d = 564, e = 1347, f = 15 }"]
  },
  {
    number: 12,
    what: "the bits of CTF 2 in the order that is not their byte order's",
    metadata: json(
      ofStream,
      payload(
        member(
          "a",
          '{"type":"fixed-length-unsigned-integer","length":12,"byte-order":"big-endian","bit-order":"first-to-last"}'
        ),
        member(
          "b",
          '{"type":"fixed-length-bit-array","length":4,"byte-order":"big-endian","bit-order":"first-to-last"}'
        )
      )
    ),
    files: { s: "8011" },
    lines: ["e: { a = 2049, b = 0x8 }"]
  },
  {
    number: 13,
    what: "names of what all objects have, in both formats",
    metadata:
      trace("le") +
      event(
        "u8 __proto__; u8 constructor; struct { u8 hasOwnProperty; } toString; enum : u8 { __proto__ = 1 } valueOf;"
      ),
    files: { s: "01020301" },
    lines: [
      'e: { _proto__ = 1, constructor = 2, toString = { hasOwnProperty = 3 }, valueOf = ( "__proto__" : container = 1 ) }'
    ]
  },
  {
    number: 13,
    what: "such names in JSON",
    metadata: json(
      ofStream,
      payload(
        member("__proto__", u8),
        member("0", u8),
        member(
          "x",
          '{"type":"fixed-length-unsigned-integer","length":8,"byte-order":"little-endian","mappings":{"__proto__":[[3,3]],"constructor":[[3,4]]}}'
        )
      )
    ),
    files: { s: "010203" },
    lines: ['e: { __proto__ = 1, 0 = 2, x = ( { "__proto__", "constructor" } : container = 3 ) }']
  },
  {
    number: 14,
    what: "ranges that differ only above 2⁵³",
    metadata: json(
      ofStream,
      payload(
        member(
          "x",
          '{"type":"fixed-length-unsigned-integer","length":64,"byte-order":"big-endian","mappings":{"a":[[9007199254740993,9007199254740993]],"b":[[18446744073709551615,18446744073709551615]]}}'
        )
      )
    ),
    files: { s: "0020000000000001 0020000000000002 ffffffffffffffff fffffffffffffffe" },
    lines: [
      'e: { x = ( "a" : container = 9007199254740993 ) }',
      "e: { x = ( <unknown> : container = 9007199254740994 ) }",
      'e: { x = ( "b" : container = 18446744073709551615 ) }',
      "e: { x = ( <unknown> : container = 18446744073709551614 ) }"
    ]
  },
  {
    number: 15,
    what: "files of one stream whose names are in another order",
    metadata:
      trace("le", "packet.header := struct { integer { size = 8; align = 8; } stream_instance_id; };") +
      clock +
      stream(
        `struct { ${mapped(64)} timestamp_begin; ${mapped(64)} timestamp_end; u8 packet_size; }`,
        `struct { ${mapped(8)} timestamp; }`
      ) +
      event("u8 x;"),
    files: {
      a: "01 1400000000000000 1500000000000000 a0 1403",
      b: "01 0a00000000000000 0b00000000000000 a0 0a01",
      c: "01 0f00000000000000 1000000000000000 a0 0f02"
    },
    lines: [
      "[00:00:00.000000010] (+?.?????????) e: { x = 1 }",
      "[00:00:00.000000015] (+0.000000005) e: { x = 2 }",
      "[00:00:00.000000020] (+0.000000005) e: { x = 3 }"
    ]
  },
  {
    number: 17,
    what: "a length of 2⁶³ elements without bits, then of some",
    metadata: trace("le") + event("u64 n; struct { } a[n];"),
    files: { s: "0200000000000000" },
    lines: ["e: { n = 2, a = [ [0] = { }, [1] = { } ] }"]
  }
]
