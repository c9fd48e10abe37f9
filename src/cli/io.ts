/**
 * What commands touch of the world: arguments, variables, output, files. Tests hand in their own.
 *
 * @module
 */

/** Where a command reads from and writes to. */
export interface CliIo {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Writes to standard output, as it is. */
  out(text: string): void;
  /** Writes to standard error, as it is. */
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Whole text of a file. */
  readText(path: string): Promise<string>;
}

/** The real world. */
export function denoIo(): CliIo {
  const encoder = new TextEncoder();
  const write = (stream: { writeSync(bytes: Uint8Array): number }, text: string) => {
    try {
      for (let bytes = encoder.encode(text); bytes.length > 0;) {
        bytes = bytes.subarray(stream.writeSync(bytes));
      }
    } catch (error) {
      // Whoever read our output has left, as `head` does.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  return {
    args: Deno.args,
    env: Deno.env.toObject(),
    out: (text) => write(Deno.stdout, text),
    err: (text) => write(Deno.stderr, text),
    outIsTerminal: Deno.stdout.isTerminal(),
    errIsTerminal: Deno.stderr.isTerminal(),
    readText: (path) => Deno.readTextFile(path),
  };
}
