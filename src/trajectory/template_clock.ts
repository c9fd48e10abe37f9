/**
 * The clock that chat templates see.
 *
 * @module
 */

/**
 * A clock that stands still while one conversation is rendered: a prompt must not change because midnight has passed. It is given
 * to the template as its `now` and to the `ChatRenderer`, which sets it.
 *
 * @example
 * ```ts ignore
 * const clock = new TemplateClock(() => Date.now());
 * const template = ChatTemplate.parse(source, { now: clock.now });
 * const renderer = new ChatRenderer(template, { clock });
 * ```
 */
export class TemplateClock {
  readonly #epochMs: () => number;
  #frozenMs: number | null = null;

  /** @param epochMs what the clock tells outside of conversations, milliseconds since the Unix epoch */
  constructor(epochMs: () => number) {
    this.#epochMs = epochMs;
  }

  /** The time for a template. */
  readonly now = (): Date => new Date(this.#frozenMs ?? this.#epochMs());

  /** Runs `render`, which must not wait for anything, at the time `ms`. */
  at<T>(ms: number, render: () => T): T {
    const before = this.#frozenMs;
    this.#frozenMs = ms;
    try {
      return render();
    } finally {
      this.#frozenMs = before;
    }
  }
}
