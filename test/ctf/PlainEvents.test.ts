/** Blocks of plain events, which are read at once, mean what the same blocks mean word by word. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { queryObjects } from "node:v8"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parse } from "../../src/ctf/metadata/GrowingMetadata.ts"
import type { MetadataRefused } from "../../src/ctf/metadata/MetadataRefused.ts"
import { Text } from "../../src/ctf/metadata/Text.ts"
import { TsdlReader } from "../../src/ctf/metadata/tsdl/TsdlReader.ts"
import type { TraceClass } from "../../src/ctf/model/TraceClass.ts"
import { describeWithCorpus } from "../support/corpus.ts"

/** No place after that line moves. */
const wordByWord = (text: string): string => text.replaceAll("event {\n", "event /**/ {\n")

const eventsOf = (text: string): ReadonlyArray<unknown> | MetadataRefused => {
  const outcome = parse(Buffer.from(text))
  if (Result.isFailure(outcome)) return outcome.failure
  const traceClass: TraceClass = outcome.success
  return [...traceClass.dataStreams.values()].flatMap(({ events, id }) =>
    [...events.values()].map(({ emfUri, id: event, logLevel, name, payload }) => ({
      ...{ stream: id, event, name, logLevel, emfUri, payload }
    }))
  )
}

/** Without the comment, which the line of its place may have. */
const faultOf = ({ kind, message, place, reason }: MetadataRefused) => ({
  ...{ kind, reason, message: message.replace("event /**/ {", "event {") },
  ...("line" in place ? { line: place.line, column: place.column } : {})
})

const preamble = `trace { major = 1; minor = 8; byte_order = le; packet.header := struct {
integer { size = 8; } stream_id; }; };
clock { name = c; };
stream { id = 0; event.header := struct { integer { size = 8; map = clock.c.value; } timestamp; }; };
`
const block = `event {
	name = "a:b";
	id = 1;
	stream_id = 0;
	loglevel = 13;
	model.emf.uri = "http://x";
	fields := struct {
		integer { size = 32; align = 8; signed = 1; } _i;
		integer { size = 16; align = 8; encoding = UTF8; } __s_length;
		integer { size = 8; align = 8; encoding = UTF8; } _s[ __s_length ];
		floating_point { exp_dig = 8; mant_dig = 24; } _f[3];
		string _t;
	};
};
`

describe("a block of a plain event", () => {
  const same = (text: string) => {
    const [found, wanted] = [eventsOf(text), eventsOf(wordByWord(text))]
    assert.notStrictEqual(wordByWord(text), text)
    if (found instanceof Error && wanted instanceof Error) {
      assert.deepStrictEqual(faultOf(found), faultOf(wanted), text)
    } else {
      assert.deepStrictEqual(found, wanted, text)
    }
  }

  it("that was used keeps nothing of the reader: a thousand traces have a thousand of them", () => {
    const traceClass = Result.getOrThrow(parse(Buffer.from(preamble + block)))
    const [payload] = [...traceClass.dataStreams.values()].flatMap(({ events }) => [...events.values()])
    assert.strictEqual(queryObjects(TsdlReader, { format: "count" }), 1)
    assert.strictEqual(payload?.payload?.members.length, 5)
    assert.strictEqual(queryObjects(TsdlReader, { format: "count" }), 0)
    assert.strictEqual(payload?.payload?.members.length, 5)
  })

  it("with any character less means the same, or has the same fault", () => {
    same(preamble + block)
    for (let at = "event {\n\t".length; at < block.length; at++) {
      same(preamble + block.slice(0, at) + block.slice(at + 1))
    }
  })

  it.each([
    ["integer { size = 32; } _i;", "integer { size = 8; map = clock.c.value; } _i;"],
    ["integer { size = 32; } _i;", "integer { size = 65; } _i;"],
    ["_t;", "_i;"],
    ["_t;", "event;"],
    ["_t;", "_t[ _f ];"],
    ["_t;", "_t[ _i ];"],
    ["_t;", "_t[ __later ]; integer { size = 8; } __later;"],
    ["_t;", "_t[010];"],
    ["id = 1;", "id = 1; id = 1;"],
    ["stream_id = 0;", "stream_id = 7;"],
    ['"a:b"', '"a:b\\""'],
    ["\tstring _t;", '\tenum : integer { size = 8; } { "};\n};" = 1 } _t;']
  ])("that has %j turned into %j means the same, or has the same fault", (from, to) => {
    const changed = block.replace("size = 32; align = 8; signed = 1;", "size = 32;").replace(from, to)
    assert.notStrictEqual(changed, block)
    same(preamble + changed)
    same(preamble + block + changed)
  })
})

describeWithCorpus("traces recorded for this project", ["types", "levels", "many", "contexts", "live1"], (root) => {
  it.each(["types", "levels", "many", "contexts", "live1"])("%s has the same events word by word", (name) => {
    const directory = join(root(), name, "ust/uid/0/64-bit")
    const bytes = readFileSync(join(directory, "metadata"))
    const text = new Text()
    const whole = text.append(bytes) + text.end()
    const events = eventsOf(whole)
    assert.deepStrictEqual(events, eventsOf(wordByWord(whole)))
    assert.isAbove((events as ReadonlyArray<unknown>).length, 0)
  })
})
