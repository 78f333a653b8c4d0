/**
 * How long answers wait.
 *
 * Some peers ask again at once for what was not there: babeltrace 1.5 does so some 10,000 times a second while a stream
 * is quiet. Every answer takes the loop's time from the targets, so one that is asked for too soon is given later.
 */
import { Effect } from "effect"
import { clockMillis } from "../Machine.ts"

/**
 * How long an answer about data may wait for the disk before it says "pending". A disk that keeps up answers at once;
 * the peer asks again every 200 ms.
 */
export const fileWait = "100 millis"

/** Short beside the period of any live timer, and beside the 200 ms between two questions for pending data. */
const pauseMillis = 10

/** Answers one kind of question of one peer. */
export class Patience<Question, Answer, Nothing> {
  readonly #hastyMillis: number
  readonly #answerOf: (question: Question) => Answer | Effect.Effect<Answer>
  readonly #nothingOf: (answer: Answer | Effect.Effect<Answer>) => Nothing | undefined
  readonly #news: () => Effect.Effect<void>
  #said: Nothing | undefined
  #saidAt = 0

  /**
   * A peer that asks again within `hastyMillis` is taken for one that does not pause. An answer may say in several ways
   * that there is nothing: `nothingOf` tells which; undefined if it says something, or has to be waited for. `news`
   * gives an effect that ends when the answer may be another than now.
   */
  constructor(
    hastyMillis: number,
    answerOf: (question: Question) => Answer | Effect.Effect<Answer>,
    nothingOf: (answer: Answer | Effect.Effect<Answer>) => Nothing | undefined,
    news: () => Effect.Effect<void>
  ) {
    this.#hastyMillis = hastyMillis
    this.#answerOf = answerOf
    this.#nothingOf = nothingOf
    this.#news = news
  }

  /** The answer. If it is the same nothing as a moment ago, it is given after a pause, as it is by then. */
  ask(question: Question): Answer | Effect.Effect<Answer> {
    const answer = this.#answerOf(question)
    const nothing = this.#nothingOf(answer)
    const isSaid = nothing !== undefined && nothing === this.#said
    if (isSaid && clockMillis() - this.#saidAt < this.#hastyMillis) return this.#askLater(question)
    this.#say(nothing)
    return answer
  }

  #askLater(question: Question): Effect.Effect<Answer> {
    return Effect.flatMap(Effect.raceFirst(Effect.sleep(pauseMillis), this.#news()), () => {
      const answer = this.#answerOf(question)
      this.#say(this.#nothingOf(answer))
      return Effect.isEffect(answer) ? answer : Effect.succeed(answer)
    })
  }

  #say(nothing: Nothing | undefined): void {
    this.#said = nothing
    if (nothing !== undefined) this.#saidAt = clockMillis()
  }
}
