/** A command that cannot do what it was asked: one line for people, which no code tells apart from others; status 1. */
import { Schema } from "effect"

export class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}
