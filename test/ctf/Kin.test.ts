/** Metadata of traces that differ only in whose they are: read once, and each still says its own. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parse, parser } from "../../src/ctf/metadata/GrowingMetadata.ts"
import type { TraceClass } from "../../src/ctf/model/TraceClass.ts"

interface Own {
  readonly uuid?: string
  readonly environment?: ReadonlyArray<string>
  readonly frequency?: number
  readonly offset?: number
  readonly bits?: number
  readonly more?: string
}

const someUuid = "cb77633d-2b54-4423-b7a0-5dac69e86af7"

/** As LTTng writes it. */
const written = ({ uuid, environment, frequency, offset, bits, more }: Own): string => `/* CTF 1.8 */
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
trace {
	major = 1;
	minor = 8;
	uuid = "${uuid ?? someUuid}";
	byte_order = le;
	packet.header := struct {
		uint32_t magic;
	};
};
env {
	tracer_name = "lttng-ust";
${(environment ?? []).map((line) => `\t${line};\n`).join("")}};
clock {
	name = "monotonic";
	uuid = "${uuid ?? someUuid}";
	freq = ${frequency ?? 1000}; /* Frequency, in Hz */
	offset = ${offset ?? 0};
};
typealias integer { size = ${bits ?? 64}; align = 8; map = clock.monotonic.value; } := stamp_t;
stream {
	event.header := struct { stamp_t timestamp; };
};
event {
	name = "demo:tick";
	fields := struct {
		uint32_t n;
${more ?? ""}	};
};
`

const read = (own: Own, by = parse): TraceClass => Result.getOrThrow(by(Buffer.from(written(own))))

/** The structures of its classes, for they are made when somebody asks for them. */
const told = (trace: TraceClass) => ({
  ...trace,
  dataStreams: [...trace.dataStreams.values()].map(({ events, ...stream }) => ({
    ...stream,
    events: [...events.values()].map(({ id, name, payload }) => ({ id, name, payload }))
  }))
})

const eventOf = (trace: TraceClass) => trace.dataStreams.get(0n)?.events.get(0n)

const isShared = (first: Own, second: Own): boolean => {
  const beside = parser()
  const one = read(first, beside)
  const other = read(second, beside)
  assert.deepStrictEqual([told(one), told(other)], [told(read(first)), told(read(second))])
  assert.isDefined(eventOf(one))
  return eventOf(one) === eventOf(other)
}

describe("metadata of several traces", () => {
  it("that differ in UUID, environment and the clock's origin have the same classes, and each its own of those", () => {
    const other = {
      uuid: "46e0ed1b-68eb-4fff-ba69-85c5139b0c7b",
      environment: ['hostname = "a \\"host\\" }"', "vpid = 7"],
      offset: 12_345
    }
    assert.isTrue(isShared({ environment: ['procname = "env clock"'] }, other))
    assert.isTrue(isShared(other, {}))
  })

  it("that differ in anything else share nothing", () => {
    assert.isFalse(isShared({}, { frequency: 2000 }))
    assert.isFalse(isShared({}, { bits: 32 }))
    assert.isFalse(isShared({}, { more: "\t\tuint32_t m;\n" }))
  })

  it("whose fields have a length that their environments say share nothing", () => {
    const more = "\t\tuint32_t list[env.count];\n"
    assert.isFalse(isShared({ environment: ["count = 2"], more }, { environment: ["count = 3"], more }))
  })

  it("whose clock is in a comment are read, each", () => {
    const beside = parser()
    const metadata = written({})
      .replace("clock {", "/*\nclock {")
      .replaceAll(/map = [^;]*; | \/\* Freq.*/g, "")
      .replace("\n};\ntypealias integer { size = 64", "\n};\n*/\ntypealias integer { size = 64")
    const outcomes = [1, 2].map(() => beside(Buffer.from(metadata)))
    assert.deepStrictEqual(outcomes.map(Result.isSuccess), [true, true])
  })

  it("are refused for what is wrong in their own, as alone", () => {
    const beside = parser()
    read({}, beside)
    const wrong = Buffer.from(written({ environment: ['hostname = "\\q\\777"'] }))
    assert.isTrue(Result.isFailure(parse(wrong)))
    assert.deepStrictEqual(beside(wrong), parse(wrong))
  })
})
