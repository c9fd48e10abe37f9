/**
 * Processes that a benchmark starts: each prints one line of JSON when it is ready and ends when its standard input
 * closes, so that none outlives the benchmark, however that ends.
 *
 * @module
 */

/** Longest that a process may take until it is ready: a tokenizer is read in a second or two. */
const READY_TIMEOUT_MS = 60_000;

/** A process that is ready. `await using` ends it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** Port of {@link url}. */
  readonly port: number;
}

/** Where a script of this folder writes what it was told. */
export interface ChildOptions {
  /** Read by {@link childSettings}. */
  readonly settings?: unknown;
  /** Flags of `deno run`, before the script. */
  readonly denoFlags?: readonly string[];
}

/**
 * Starts a script of this folder with this very Deno, and waits until it listens.
 *
 * @param script file name, e.g. `stub_upstream.ts`
 * @throws Error when it ends or stays silent instead
 */
export async function startChild(script: string, options: ChildOptions = {}): Promise<Child> {
  const { settings = {}, denoFlags = [] } = options;
  const path = new URL(script, import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...denoFlags, path, JSON.stringify(settings)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const end = async () => {
    await process.stdin.close().catch(() => {});
    await process.status;
  };
  try {
    const url = await readyUrl(process.stdout, script);
    return { pid: process.pid, url, port: Number(new URL(url).port), [Symbol.asyncDispose]: end };
  } catch (error) {
    process.kill("SIGKILL");
    await end();
    throw error;
  }
}

async function readyUrl(stdout: ReadableStream<Uint8Array>, script: string): Promise<string> {
  const lines = stdout.pipeThrough(new TextDecoderStream());
  const reader = lines.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), READY_TIMEOUT_MS);
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start ${script}: it said ${JSON.stringify(text)}`);
    text += value;
  }
  clearTimeout(timer);
  reader.releaseLock();
  void lines.cancel().catch(() => {});
  return (JSON.parse(text) as { url: string }).url;
}

/** In a child: what {@link startChild} was given as `settings`. */
export function childSettings<T>(): T {
  return JSON.parse(Deno.args[0] ?? "{}") as T;
}

/** In a child: says that it listens, and ends the process when the benchmark lets go of it. */
export async function serveUntilReleased(url: string, end: () => Promise<unknown>): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify({ url })}\n`));
  for await (const _ of Deno.stdin.readable);
  await Promise.race([end(), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  Deno.exit(0);
}
