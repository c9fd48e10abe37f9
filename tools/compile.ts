// deno-lint-ignore-file no-console
/**
 * Builds the single binary `dist/slime-router`: the program, the modules that run in workers, and the WebAssembly that
 * packages load at run time.
 *
 * Usage: `deno task compile`; `deno task compile --print` shows the command line, `--target TRIPLE` builds for another
 * system.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { exists, walkFiles } from "./files.ts";

/** What the program may do: serve, reach workers, read tokenizers and plugins, read its configuration, save snapshots. */
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-import",
];

/** Output unless `--output` names another. */
const OUTPUT = "dist/slime-router";

/** Files that no import statement leads to, but that the program loads by URL. */
export async function assets(root = "src"): Promise<string[]> {
  const files: string[] = [];
  for await (const path of walkFiles(root, ".ts")) {
    const source = await Deno.readTextFile(path);
    for (const [, reference = ""] of source.matchAll(/new URL\(\s*"(\.[^"]+)",\s*import\.meta\.url\s*\)/g)) {
      const asset = new URL(reference, `file:///${path}`).pathname.slice(1);
      if (!files.includes(asset)) files.push(asset);
    }
  }
  return files.sort();
}

/** Arguments of `deno` that build the binary. */
export function compileArgs(
  options: { readonly include: readonly string[]; readonly output?: string; readonly target?: string },
): string[] {
  const { include, output = OUTPUT, target } = options;
  return [
    "compile",
    ...PERMISSIONS,
    "--no-check",
    ...include.flatMap((path) => ["--include", path]),
    ...(target ? ["--target", target] : []),
    "--output",
    output,
    "main.ts",
  ];
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  const { values } = parseArgs({
    args: Deno.args,
    options: { print: { type: "boolean" }, target: { type: "string" }, output: { type: "string" } },
  });
  const include = await assets();
  for (const path of include) {
    if (!await exists(path)) throw new Error(`Cannot compile: ${path} is missing`);
  }
  const args = compileArgs({
    include,
    ...(values.target ? { target: values.target } : {}),
    ...(values.output ? { output: values.output } : {}),
  });
  if (values.print) {
    console.log(["deno", ...args].join(" "));
  } else {
    const { code } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
    Deno.exit(code);
  }
}
