/** Which babeltrace2 there is. Traces are made so that it can read them: each version has faults of its own. */
import { spawnSync } from "node:child_process"

/**
 * From 2.1 on it reads CTF 2, and shows empty texts and several labels as we do. But it takes a selector with a sign
 * for 0 unless its variant follows at once, finds no tag in the own context of an event, drops pairs of nulls of paths,
 * and knows no empty labels.
 */
export const isNew = /^Babeltrace 2\.[1-9]/m.test(
  spawnSync("babeltrace2", ["--version"], { encoding: "utf8" }).stdout ?? ""
)
