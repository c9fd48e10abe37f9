/**
 * The program as a process of its own, for end-to-end tests.
 *
 * @module
 */
import { tinyTokenizerConfig, tinyTokenizerJson } from "./tiny_tokenizer.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** What a process left behind. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Variables that a test's process must not inherit from the machine it runs on. */
function cleanEnv(env: Record<string, string>): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("SLIME_ROUTER_"));
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env };
}

/** A running `slime-router`. */
export class CliProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #out: Output;
  readonly #err: Output;

  /** Starts `slime-router` with these arguments. */
  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", MAIN, ...args],
      clearEnv: true,
      env: cleanEnv(env),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#out = new Output(this.#child.stdout);
    this.#err = new Output(this.#child.stderr);
  }

  /** Waits for output that matches; fails when the process ends without. */
  outMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#out.match(pattern, this.#err);
  }

  /** As {@link outMatch}, for standard error. */
  errMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#err.match(pattern, this.#out);
  }

  /** The URL that a `listening on` line tells. */
  async url(): Promise<string> {
    return (await this.outMatch(/listening on (http:\/\/\S+)/))[1]!;
  }

  /** Sends a signal; to a process that has ended none. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /** Waits for the end. */
  async ended(): Promise<Ended> {
    const [{ code }, out, err] = await Promise.all([
      this.#child.status,
      this.#out.whole,
      this.#err.whole,
    ]);
    return { code, out, err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended();
  }
}

/** Collects what a process writes. */
class Output {
  text = "";
  readonly whole: Promise<string>;
  #grown = Promise.withResolvers<boolean>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.whole = this.#collect(stream);
  }

  async match(pattern: RegExp, other: Output): Promise<RegExpExecArray> {
    for (let open = true;; open = await this.#grown.promise) {
      const match = pattern.exec(this.text);
      if (match) return match;
      if (!open) {
        throw new Error(`Cannot find ${pattern} in output: ${this.text}\nother output: ${other.text}`);
      }
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<string> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream() as never)) {
      this.text += chunk;
      const grown = this.#grown;
      this.#grown = Promise.withResolvers();
      grown.resolve(true);
    }
    this.#grown.resolve(false);
    return this.text;
  }
}

/** Runs `slime-router` to its end. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  await using process = new CliProcess(args, env);
  return await process.ended();
}

/** A folder with the tiny tokenizer and what else a test writes into it; removed at the end of the scope. */
export class CliFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Makes the folder. */
  static async create(): Promise<CliFolder> {
    const path = await Deno.makeTempDir({ prefix: "slime-router-" });
    const folder = new CliFolder(path);
    await folder.write("tokenizer.json", JSON.stringify(tinyTokenizerJson()));
    await folder.write("tokenizer_config.json", JSON.stringify(tinyTokenizerConfig()));
    return folder;
  }

  /** Writes a file and tells its path. */
  async write(name: string, text: string): Promise<string> {
    const path = `${this.path}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
