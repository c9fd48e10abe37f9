// deno-lint-ignore-file no-console
/**
 * Runs `tests/runtimes/cases.js` over the npm package on every runtime that is here, and prints a table.
 *
 *     deno task test:runtimes                       # those on the PATH, and those that --fetch has got before
 *     deno task test:runtimes --fetch               # gets Bun and workerd from npm first, into dist/runtimes
 *     deno task test:runtimes --only deno,node
 *
 * @module
 */
import { parseArgs } from "node:util";
import { buildNpm, NPM_FOLDER } from "./build_npm.ts";
import { exists } from "./files.ts";

const ROOT = new URL("../", import.meta.url);
const CASES = new URL("tests/runtimes/", ROOT);
const FETCHED = new URL("dist/runtimes/", ROOT);
const PACKAGES = ["bun@1.4.5", "workerd@1.20261117.1"];
/** Most time of one runtime: a hundred times what it takes. */
const TIMEOUT_MS = 10 * 60_000;

/** What one runtime said. */
interface Results {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** A runtime: what it may be called, and how it runs the cases. */
interface Runtime {
  readonly commands: readonly string[];
  run(command: string): Promise<Results>;
}

const HERE = new URL("here.js", CASES).pathname;

/** All runtimes, in the order of the table. */
export const RUNTIMES: Readonly<Record<string, Runtime>> = {
  deno: { commands: [Deno.execPath()], run: (deno) => runHere(deno, ["run", "-A", "--no-config", HERE]) },
  node: { commands: ["node"], run: (node) => runHere(node, [HERE]) },
  bun: { commands: ["bun"], run: (bun) => runHere(bun, [HERE]) },
  workerd: { commands: ["workerd"], run: runInWorkerd },
  chromium: { commands: ["chromium", "chromium-browser", "google-chrome"], run: runInChromium },
};

async function output(command: string, args: readonly string[]): Promise<{ out: string; err: string }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { stdout, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null", signal })
    .output();
  const decoder = new TextDecoder();
  return { out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function runHere(command: string, args: readonly string[]): Promise<Results> {
  const { out, err } = await output(command, args);
  return resultsIn(out, err);
}

/** The line of JSON in what a runtime wrote; else a failure with all it wrote. */
function resultsIn(out: string, err: string): Results {
  const line = out.split("\n").find((each) => each.startsWith('{"passed"'));
  return line === undefined ? { passed: [], failed: [`no results: ${out}${err}`.trim()] } : JSON.parse(line);
}

async function runInWorkerd(command: string): Promise<Results> {
  const folder = await Deno.makeTempDir({ prefix: "slime-trie-" });
  try {
    const modules: string[] = [];
    const add = async (name: string, from: URL, kind: "esModule" | "wasm") => {
      await Deno.copyFile(new URL(name, from), `${folder}/${name}`);
      modules.push(`(name = "${name}", ${kind} = embed "${name}")`);
    };
    // The first module is the worker.
    for (const name of ["workerd.js", "cases.js"]) await add(name, CASES, "esModule");
    for await (const { name } of Deno.readDir(NPM_FOLDER)) {
      if (name.endsWith(".js")) await add(name, NPM_FOLDER, "esModule");
    }
    await add("trie.wasm", NPM_FOLDER, "wasm");
    await Deno.writeTextFile(
      `${folder}/config.capnp`,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (compatibilityDate = "2026-01-01", modules = [${modules.join(", ")}]);
`,
    );
    const { out, err } = await output(command, ["test", `${folder}/config.capnp`]);
    // Its console goes to standard error.
    const lines = err.replace(/^.*?(?=\{"passed")/gm, "");
    return resultsIn(`${out}\n${lines}`, err);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runInChromium(command: string): Promise<Results> {
  const results = Promise.withResolvers<Results>();
  const files: Record<string, [URL, string]> = {
    "/": [new URL("browser.html", CASES), "text/html"],
    "/cases.js": [new URL("cases.js", CASES), "text/javascript"],
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/results") {
      results.resolve(await request.json());
      return new Response();
    }
    const type = pathname.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    const [url, contentType] = files[pathname] ?? [new URL(pathname.slice("/npm/".length), NPM_FOLDER), type];
    const body = await Deno.readFile(url).catch(() => null);
    return new Response(body, { status: body ? 200 : 404, headers: { "content-type": contentType } });
  });
  const profile = await Deno.makeTempDir({ prefix: "slime-trie-" });
  const child = new Deno.Command(command, {
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${server.addr.port}/`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => results.resolve({ passed: [], failed: ["no results in time"] }), TIMEOUT_MS);
  const ended = child.status.then(({ code }) =>
    results.resolve({ passed: [], failed: [`it ended with code ${code}`] })
  );
  try {
    return await results.promise;
  } finally {
    clearTimeout(timer);
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await ended;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
}

/** Path or name of the first command that is here, and its version. */
async function find({ commands }: Runtime): Promise<{ command: string; version: string } | null> {
  for (const name of commands) {
    const fetched = new URL(`node_modules/.bin/${name}`, FETCHED).pathname;
    const command = !name.includes("/") && await exists(fetched) ? fetched : name;
    try {
      const { out } = await output(command, ["--version"]);
      return { command, version: /\d[\w.-]+/.exec(out)?.[0] ?? "?" };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

async function fetchRuntimes(): Promise<void> {
  await Deno.mkdir(FETCHED, { recursive: true });
  const args = ["install", "--no-audit", "--no-fund", "--prefix", FETCHED.pathname, ...PACKAGES];
  const { code, stderr } = await new Deno.Command("npm", { args }).output();
  if (code !== 0) throw new Error(`Cannot get runtimes: npm said ${new TextDecoder().decode(stderr)}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { only: { type: "string", default: "" }, fetch: { type: "boolean", default: false } },
  });
  const only = values.only.split(",").filter((name) => name !== "");
  for (const name of only) {
    if (RUNTIMES[name] === undefined) {
      throw new RangeError(`Cannot test runtime "${name}": there is ${Object.keys(RUNTIMES).join(", ")}`);
    }
  }
  if (values.fetch) await fetchRuntimes();
  await buildNpm();
  let passed = 0;
  let failed = 0;
  const row = (...cells: (string | number)[]) =>
    console.log(cells.map((cell, i) => i < 2 ? String(cell).padEnd(18) : String(cell).padStart(8)).join(" "));
  row("runtime", "version", "passed", "failed", "ms");
  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const found = await find(runtime);
    if (found === null) {
      row(name, "not here", "-", "-", "-");
      continue;
    }
    const startedMs = performance.now();
    const results = await runtime.run(found.command);
    const ms = Math.round(performance.now() - startedMs);
    row(name, found.version, results.passed.length, results.failed.length, ms);
    for (const reason of results.failed) console.log(`  ${reason}`);
    passed += results.passed.length;
    failed += results.failed.length;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
