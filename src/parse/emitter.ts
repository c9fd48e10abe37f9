/**
 * Where states put their events. It sees to it that every consumed unit ends up in exactly one `raw`, in order.
 *
 * @module
 */
import type { ParserEvent } from "./parser.ts";

/** Input whose meaning is not known yet. */
interface Held {
  readonly raw: string;
  readonly isDelimiter: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Collects events, joins neighbours of one kind, and holds input whose meaning is not known yet. */
export class Emitter {
  readonly #newId: (index: number, nativeId?: string) => string;
  #events: Mutable<ParserEvent>[] = [];
  #held: Held[] = [];
  #hidesDelimiters = false;
  #heldUnits = 0;
  #calls = 0;

  constructor(newToolCallId: (index: number, nativeId?: string) => string) {
    this.#newId = newToolCallId;
  }

  /** The events since the last time. */
  drain(): ParserEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** From now on a delimiter that led to nothing is markup where it would be text. */
  hideDelimiters(): void {
    this.#hidesDelimiters = true;
  }

  /** Units that are held. */
  get heldUnits(): number {
    return this.#heldUnits;
  }

  /** Keeps consumed input until the next event that says what it was. */
  hold(raw: string): void {
    this.#hold(raw, false);
  }

  /** Keeps a consumed delimiter. */
  holdDelimiter(raw: string): void {
    this.#hold(raw, this.#hidesDelimiters);
  }

  /** What is held was text of this kind; so is `text`. */
  text(type: "reasoning" | "content", text: string): void {
    if (!this.#held.some(({ isDelimiter }) => isDelimiter)) return this.#addText(type, this.#release(text));
    const held = this.#held;
    this.#release("");
    for (const { raw, isDelimiter } of held) {
      if (isDelimiter) this.markup(raw);
      else this.#addText(type, raw);
    }
    this.#addText(type, text);
  }

  #addText(type: "reasoning" | "content", all: string): void {
    if (all === "") return;
    const last = this.#events.at(-1);
    if (last?.type === type) {
      last.text += all;
      last.raw += all;
    } else this.#events.push({ type, text: all, raw: all });
  }

  /** What is held, and `raw`, was markup. */
  markup(raw = ""): void {
    const all = this.#release(raw);
    if (all === "") return;
    const last = this.#events.at(-1);
    if (last?.type === "markup") last.raw += all;
    else this.#events.push({ type: "markup", raw: all });
  }

  /** Begins the next call; what is held led to it. */
  start(name: string, nativeId?: string): void {
    const index = this.#calls++;
    const id = this.#newId(index, nativeId);
    const start = { type: "tool_call_start", index, id, name } as const;
    const raw = this.#release("");
    this.#events.push(nativeId === undefined ? { ...start, raw } : { ...start, nativeId, raw });
  }

  /** Adds to the arguments of the call that was begun last. */
  args(text: string, raw: string): void {
    const index = this.#calls - 1;
    const all = this.#release(raw);
    const last = this.#events.at(-1);
    if (last?.type === "tool_call_arguments" && last.index === index) {
      last.text += text;
      last.raw += all;
    } else if (text !== "") this.#events.push({ type: "tool_call_arguments", index, text, raw: all });
    else this.markup(all);
  }

  /** What is held was part of the arguments, as it is. */
  argsHeld(): void {
    const text = this.#release("");
    if (text !== "") this.args(text, text);
  }

  /** Ends the call that was begun last. */
  end(complete: boolean, raw = ""): void {
    this.#events.push({
      type: "tool_call_end",
      index: this.#calls - 1,
      complete,
      raw: this.#release(raw),
    });
  }

  #hold(raw: string, isDelimiter: boolean): void {
    if (raw === "") return;
    this.#held.push({ raw, isDelimiter });
    this.#heldUnits += raw.length;
  }

  #release(raw: string): string {
    if (this.#heldUnits === 0) return raw;
    const all = this.#held.map(({ raw }) => raw).join("") + raw;
    this.#held = [];
    this.#heldUnits = 0;
    return all;
  }
}
