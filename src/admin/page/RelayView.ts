/** A view of the relay itself: limits and their use, speed of answers, commands received, what holds peers back. */
import { html } from "htm/preact"
import { Bar, type Use } from "./Bar.ts"
import * as Clock from "./Clock.ts"
import { Devices } from "./Devices.ts"
import { usePolled } from "./Polling.ts"
import * as Quantile from "./Quantile.ts"
import type { Activity, Counters, ProcessFigures } from "./Server.ts"
import * as Values from "./Values.ts"

const usesOf = (counters: Counters, figures: ProcessFigures): ReadonlyArray<Use> => [
  { label: "Packet memory", used: counters.memoryBytes, limit: counters.memoryBytesMax, format: Values.bytes },
  { label: "Halves of indexes", used: counters.halvesBytes, limit: counters.halvesBytesMax, format: Values.bytes },
  { label: "Descriptors", used: figures.openDescriptors, limit: figures.descriptorLimit, format: Values.count }
]

const Fact = ({
  label,
  value,
  kind = ""
}: {
  readonly label: string
  readonly value: string
  readonly kind?: string
}) => html`<div class="fact"><dt>${label}</dt><dd class=${kind}>${value}</dd></div>`

const Facts = ({
  activity,
  counters,
  figures
}: {
  readonly activity: Activity
  readonly counters: Counters
  readonly figures: ProcessFigures
}) => html`<dl class="grid">
  <${Fact} label="Version" value=${figures.version} />
  <${Fact} label="Runs for" value=${Values.duration(Clock.nowMillis() / 1000 - figures.startSeconds)} />
  <${Fact} label="Resident memory" value=${Values.bytes(figures.residentBytes)} />
  <${Fact} label="Loop late by, 99 %" value=${Quantile.micros(figures.loopDelay.p99)} kind=${figures.loopDelay.p99 > 0.1 ? "warn" : ""} />
  <${Fact} label="Answers, median" value=${`≤ ${Quantile.micros(Quantile.of(activity.answerMicros, 0.5))}`} />
  <${Fact} label="Answers, 99 %" value=${`≤ ${Quantile.micros(Quantile.of(activity.answerMicros, 0.99))}`} />
  <${Fact} label="Data received" value=${Values.bytes(counters.byteCount)} />
  <${Fact} label="Packets received" value=${Values.count(counters.packetCount)} />
  <${Fact} label="Lost by tracers" value=${`${Values.count(counters.eventsDiscarded)} events`} kind=${counters.eventsDiscarded > 0 ? "warn" : ""} />
  <${Fact} label="Overwritten by tracers" value=${`${Values.count(counters.packetsLost)} packets`} kind=${counters.packetsLost > 0 ? "warn" : ""} />
</dl>`

const Commands = ({ activity }: { readonly activity: Activity }) => html`<div class="table" role="table">
  <div class="row command head" role="row">
    <span role="columnheader">Command</span><span role="columnheader" class="n">Received</span>
    <span role="columnheader" class="n">Refused</span>
  </div>
  ${[...activity.controlCommands, ...activity.liveCommands.map((one) => ({ ...one, name: `${one.name} (live)` }))]
    .toSorted((a, b) => b.count - a.count)
    .map(
      ({ count, name, refusedCount }) => html`<div class="row command" role="row" key=${name}>
        <span role="cell" class="name">${name}</span><span role="cell" class="n">${Values.count(count)}</span>
        <span role="cell" class=${`n ${refusedCount > 0 ? "bad" : "none"}`}>${Values.count(refusedCount)}</span>
      </div>`
    )}
</div>`

export const RelayView = () => {
  const activity = usePolled<Activity>(() => "activity", "relay").value
  const counters = usePolled<Counters>(() => "counters", "relay").value
  const figures = usePolled<ProcessFigures>(() => "process", "relay").value
  if (activity === undefined || counters === undefined || figures === undefined)
    return html`<section><h1>Relay</h1></section>`
  const held = Object.entries(activity.heldBackMillis)
  return html`<section>
    <div class="tools"><h1>Relay</h1></div>
    <${Facts} activity=${activity} counters=${counters} figures=${figures} />
    <h2>Limits</h2>
    ${usesOf(counters, figures).map((use) => html`<${Bar} key=${use.label} ...${use} />`)}
    <h2>Devices</h2>
    <${Devices} />
    <h2>Peers held back <small>summed over all connections, by cause</small></h2>
    <dl class="grid">${held.map(([cause, millis]) => html`<${Fact} key=${cause} label=${cause} value=${Values.duration(millis / 1000)} />`)}</dl>
    <h2>Commands</h2>
    <${Commands} activity=${activity} />
  </section>`
}
