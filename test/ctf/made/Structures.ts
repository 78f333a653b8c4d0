/** Structures made up at random: members, arrays, and what other members tell the length or the choice of. */
import type { Random } from "../encoding.ts"
import { isNew } from "./Reader.ts"
import {
  below,
  chance,
  character,
  enumerators,
  integerJson,
  integerShape,
  integerTsdl,
  integerWrite,
  type Json,
  type Label,
  leaf,
  mappingsOf,
  oneOf,
  type Place,
  shown,
  type Target,
  type Type,
  textWrite
} from "./Types.ts"

const depthMax = 4

const prefixes: Readonly<Record<string, string>> = {
  "packet-context": "stream.packet.context.",
  "event-record-common-context": "stream.event.context.",
  "event-record-specific-context": "event.context.",
  "event-record-payload": "event.fields."
}

/** As CTF 2 finds it: from the root of its scope, or upwards from here. */
const locationOf = (next: Random, target: Target, place: Place): Json => {
  const depth = target.chain.length
  const isAround = target.scope === place.scope && target.chain.every((one, at) => one === place.chain[at])
  const name = target.jsonPath.at(-1)
  const nulls = Array.from({ length: place.chain.length - depth }, () => null)
  if (isAround && (target.isInside || chance(next, 0.5)) && !(isNew && nulls.length > 1)) {
    return { path: [...nulls, name] }
  }
  return { origin: target.scope, path: target.jsonPath }
}

/** As TSDL finds it: the whole path, or as a word where it is in a structure around. */
const wordOf = (next: Random, target: Target, place: Place): string => {
  const isAround = target.scope === place.scope && target.chain.every((one, at) => one === place.chain[at])
  if (isAround && (target.isInside || chance(next, 0.6))) return target.path.at(-1) ?? ""
  return `${prefixes[target.scope]}${target.path.join(".")}`
}

/** Of a sequence, its text or its elements. */
const lengthTarget = (next: Random, place: Place): Target | undefined => {
  const found = place.targets.filter(({ kind }) => kind === "length")
  return found.length === 0 ? undefined : oneOf(next, found.slice(-3))
}

/** What is declared in there nobody outside can refer to. */
const inside = (place: Place): Place => ({
  ...place,
  depth: place.depth + 1,
  targets: place.targets.slice(),
  isInside: true
})

const elementsOf =
  (element: Type, length: (values: ReadonlyMap<Target, bigint>) => number): Type["make"] =>
  (next, values) => {
    const writes = Array.from({ length: length(values) }, () => element.make(next, values))
    return (writer) => {
      writer.align(element.alignment)
      for (const write of writes) write(writer)
    }
  }

const staticArray = (next: Random, place: Place): Type => {
  const length = below(next, 4)
  const element = type(next, inside(place))
  return {
    alignment: element.alignment,
    tsdl: (name) => element.tsdl(`${name}[${length}]`),
    json: () => ({ type: "static-length-array", length, "element-field-class": element.json() }),
    make: elementsOf(element, () => length)
  }
}

const lengthOf = (target: Target, values: ReadonlyMap<Target, bigint>): number => Number(values.get(target) ?? 0n)

const sequence = (next: Random, place: Place, target: Target): Type => {
  const element = type(next, inside(place))
  const word = wordOf(next, target, place)
  const location = locationOf(next, target, place)
  return {
    alignment: element.alignment,
    tsdl: (name) => element.tsdl(`${name}[${word}]`),
    json: () => ({
      type: "dynamic-length-array",
      "length-field-location": location,
      "element-field-class": element.json()
    }),
    make: elementsOf(element, (values) => lengthOf(target, values))
  }
}

const textSequence = (next: Random, place: Place, target: Target): Type => {
  const element = character(next)
  const word = wordOf(next, target, place)
  const location = locationOf(next, target, place)
  return {
    alignment: 8,
    tsdl: (name) => `${element} ${name}[${word}]`,
    json: () => ({ type: "dynamic-length-string", "length-field-location": location }),
    make: (next, values) => textWrite(next, lengthOf(target, values))
  }
}

/** By a word alone: that is all there is between angle brackets. */
const variant = (next: Random, place: Place, target: Target): Type => {
  const names = [...new Set(target.labels.map(({ name }) => name))]
  const options = names.map((name) => ({
    name,
    content: type(next, { ...inside(place), path: [...place.path, name] })
  }))
  const location = locationOf(next, target, place)
  const selected = (name: string) =>
    target.labels.filter((label) => label.name === name).map(({ lower, upper }) => [lower, upper])
  return {
    alignment: 1,
    tsdl: (name) => {
      const texts = options.map((option) => `${option.content.tsdl(option.name)};`)
      return `variant <${target.path.at(-1)}> { ${texts.join(" ")} } ${name}`
    },
    json: () => ({
      type: "variant",
      "selector-field-location": location,
      options: options.map((option) => ({
        name: shown(option.name),
        "field-class": option.content.json(),
        "selector-field-ranges": selected(option.name)
      }))
    }),
    make: (next, values) => {
      const value = values.get(target) ?? 0n
      const chosen = target.labels.find(({ lower, upper }) => lower <= value && value <= upper)?.name
      const option = options.find(({ name }) => name === chosen)
      return option?.content.make(next, values) ?? (() => {})
    }
  }
}

const type = (next: Random, place: Place): Type => {
  if (place.depth >= depthMax || chance(next, 0.55)) return leaf(next, place)
  const choice = next()
  const isLate = place.scope === "event-record-payload" || place.scope === "packet-context"
  const target = isLate && choice < 0.6 ? lengthTarget(next, place) : undefined
  if (target !== undefined) return chance(next, 0.3) ? textSequence(next, place, target) : sequence(next, place, target)
  if (choice < 0.3) return staticArray(next, place)
  return structure(next, { ...place, depth: place.depth + 1 })
}

export interface Member {
  readonly name: string
  readonly type: Type
}

const targetOf = (kind: Target["kind"], place: Place, name: string, labels: ReadonlyArray<Label>): Target => ({
  kind,
  scope: place.scope,
  chain: place.chain,
  path: [...place.path, name],
  jsonPath: [...place.jsonPath, shown(name)],
  labels,
  isInside: place.isInside
})

/** A small number that a sequence may be as long as. */
const lengthMember = (next: Random, place: Place, name: string): Member => {
  const shape = { ...integerShape(next, place.dialect, false), isSigned: false }
  const whole = { ...shape, size: Math.max(shape.size, 3) }
  const text = integerTsdl(next, place.dialect, whole)
  const target = targetOf("length", place, name, [])
  place.targets.push(target)
  const type: Type = {
    alignment: whole.alignment,
    tsdl: (name) => `${text} ${name}`,
    json: () => integerJson(whole),
    make: (next, values) => {
      const value = BigInt(below(next, chance(next, 0.1) ? 7 : 4))
      values.set(target, value)
      return integerWrite(whole, value)
    }
  }
  return { name, type }
}

/** Labels whose values do not meet, each the name of an option. */
const tagMember = (next: Random, place: Place, name: string): { readonly member: Member; readonly target: Target } => {
  const shape = integerShape(next, place.dialect, chance(next, 0.3) && !isNew)
  const whole = { ...shape, size: Math.max(shape.size, 6) }
  let at = whole.isSigned ? -20n : 0n
  const labels: Array<Label> = []
  const names = Array.from({ length: 1 + below(next, 4) }, () => place.named())
  for (let left = names.length + below(next, 2); left > 0; left--) {
    at += BigInt(below(next, 3))
    const upper = at + BigInt(below(next, 5))
    labels.push({ name: names[labels.length] ?? oneOf(next, names), lower: at, upper })
    at = upper + 1n
  }
  const text = `enum : ${integerTsdl(next, place.dialect, whole)} ${enumerators(next, labels)}`
  const target = targetOf("tag", place, name, labels)
  const type: Type = {
    alignment: whole.alignment,
    tsdl: (name) => `${text} ${name}`,
    json: () => ({ ...integerJson(whole), ...mappingsOf(labels) }),
    make: (next, values) => {
      const { lower, upper } = oneOf(next, labels)
      const value = chance(next, 0.5) ? lower : upper
      values.set(target, value)
      return integerWrite(whole, value)
    }
  }
  return { member: { name, type }, target }
}

export interface Structured extends Type {
  readonly tsdlBody: string
}

/** A structure of these. */
export const together = (members: ReadonlyArray<Member>, least: number): Structured => {
  const alignment = members.reduce((most, { type }) => Math.max(most, type.alignment), least)
  const body = `struct { ${members.map(({ name, type }) => `${type.tsdl(name)};`).join(" ")} }`
  const tsdlBody = least === 1 ? body : `${body} align(${least})`
  return {
    alignment,
    tsdlBody,
    tsdl: (name) => `${tsdlBody} ${name}`,
    json: () => ({
      type: "structure",
      "minimum-alignment": least === 1 ? undefined : least,
      "member-classes": members.map(({ name, type }) => ({ name: shown(name), "field-class": type.json() }))
    }),
    make: (next, values) => {
      const writes = members.map(({ type }) => type.make(next, values))
      return (writer) => {
        writer.align(alignment)
        for (const write of writes) write(writer)
      }
    }
  }
}

/** References are a late scope's: babeltrace2 2.0 aborts where they are in contexts of events. */
export const structure = (
  next: Random,
  outer: Place,
  first: (place: Place) => ReadonlyArray<Member> = () => []
): Structured => {
  const place: Place = { ...outer, chain: [...outer.chain, {}] }
  const members: Array<Member> = [...first(place)]
  const under = (name: string): Place => ({
    ...place,
    path: [...place.path, name],
    jsonPath: [...place.jsonPath, shown(name)]
  })
  const hasReferences = place.scope === "event-record-payload" || place.scope === "packet-context"
  for (let left = below(next, place.depth === 0 ? 6 : 4); left > 0; left--) {
    const name = place.named()
    if (hasReferences && chance(next, 0.2)) {
      members.push(lengthMember(next, place, name))
    } else if (place.scope === "event-record-payload" && chance(next, 0.15)) {
      const { member, target } = tagMember(next, place, name)
      members.push(member)
      if (chance(next, 0.3)) members.push({ name: place.named(), type: leaf(next, place) })
      const own = place.named()
      members.push({ name: own, type: variant(next, { ...under(own), depth: place.depth + 1 }, target) })
    } else {
      members.push({ name, type: type(next, under(name)) })
    }
  }
  return together(members, chance(next, 0.2) ? oneOf(next, [8, 16, 32, 64]) : 1)
}

/** A whole number of a role, whose value is told when it is written. */
export const told = (next: Random, place: Place, size: number, role: string, value: () => bigint): Type => {
  const alignment = oneOf(next, [8, 8, 8, 32, 64])
  const shape = { ...integerShape(next, place.dialect, false), size, alignment: size % 8 === 0 ? alignment : 1 }
  const whole = { ...shape, isLittle: size % 8 === 0 ? shape.isLittle : place.dialect.isLittle }
  const text = integerTsdl(next, place.dialect, whole)
  return {
    alignment: whole.alignment,
    tsdl: (name) => `${text} ${name}`,
    json: () => ({ ...integerJson(whole), roles: [role] }),
    make: () => (writer) => integerWrite(whole, value())(writer)
  }
}
