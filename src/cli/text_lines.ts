/**
 * Text, cut anywhere, as lines.
 *
 * @module
 */

/** Splits at line feeds. The last line need not end with one. Time is linear, however long the lines are. */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let pending: string[] = [];
    super({
      transform(text, controller) {
        const lines = text.split("\n");
        for (const line of lines.slice(0, -1)) {
          controller.enqueue(pending.join("") + line);
          pending = [];
        }
        pending.push(lines.at(-1)!);
      },
      flush(controller) {
        const line = pending.join("");
        if (line !== "") controller.enqueue(line);
      },
    });
  }
}
