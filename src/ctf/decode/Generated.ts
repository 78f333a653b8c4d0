/** Straight code for what is read most. */
import type { Scope, Structure } from "../model/FieldClass.ts"
import type { Skip } from "./Skip.ts"
import type { Slots } from "./Slots.ts"

export const isGenerating = (): boolean => false
export const generateSkip = (_structure: Structure, _scope: Scope, _slots: Slots, plain: Skip): Skip => plain
export const generateEvent =
  (_common: Structure | undefined, _own: Structure | undefined, _payload: Structure | undefined, _slots: Slots): Skip =>
  () => {}
