/**
 * Builds the package of the trie alone, `dist/npm/`: ES modules, declarations, the core as `.wasm`, and a README.
 *
 *     deno task build:npm
 *
 * @module
 */
import process from "node:process";
import deno from "../deno.json" with { type: "json" };
import { TRIE_WASM_BASE64 } from "../src/trie/trie_wasm.generated.ts";

const ROOT = new URL("../", import.meta.url);
const SOURCES = new URL("src/trie/", ROOT);

/** Where the package goes unless told otherwise. */
export const NPM_FOLDER = new URL("dist/npm/", ROOT);
/** Largest core that ships. */
export const WASM_BYTES_MAX = 24 * 1024;

/**
 * The compiler runs apart, without this project's configuration and lock: as a dependency of the project it would end up
 * beside libraries that have it for an optional peer, and with them in the binary.
 */
const COMPILER = "npm:typescript@5.9.3/tsc";
const COMPILER_OPTIONS = [
  ["--target", "es2022"],
  ["--module", "es2022"],
  ["--moduleResolution", "bundler"],
  // Neither Deno's nor Node's: what is used must be there everywhere.
  ["--lib", "es2024,dom"],
  ["--strict", "true"],
  ["--noUncheckedIndexedAccess", "true"],
  ["--exactOptionalPropertyTypes", "true"],
  ["--declaration", "true"],
  ["--rewriteRelativeImportExtensions", "true"],
].flat();

/** Names of one runtime's own, which the package must not touch. */
const FOREIGN = /(?<![#.\w])(Deno|Bun|process|Buffer|require|window|self)\s*[.([]/;

/** Builds the package into `folder`. Throws an `Error` that says what is wrong. */
export async function buildNpm(folder: URL = NPM_FOLDER): Promise<{ files: number; wasmBytes: number }> {
  const wasm = Uint8Array.from(atob(TRIE_WASM_BASE64), (c) => c.charCodeAt(0));
  if (wasm.length > WASM_BYTES_MAX) {
    throw new Error(`Cannot build package: the core has ${wasm.length} bytes, more than ${WASM_BYTES_MAX}`);
  }
  const files = await compileSources();
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of files) await Deno.writeTextFile(new URL(name, folder), text);
  await Deno.writeFile(new URL("trie.wasm", folder), wasm);
  await Deno.writeTextFile(new URL("package.json", folder), JSON.stringify(manifest(), null, 2) + "\n");
  await Deno.copyFile(new URL("tools/npm/README.md", ROOT), new URL("README.md", folder));
  await Deno.copyFile(new URL("LICENSE", ROOT), new URL("LICENSE", folder));
  return { files: files.size + 4, wasmBytes: wasm.length };
}

/** Scripts and declarations by name. */
async function compileSources(): Promise<Map<string, string>> {
  const out = await Deno.makeTempDir({ prefix: "slime-trie-" });
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // Away from node_modules, whose @types would come in unasked.
      cwd: out,
      args: [
        "run",
        "-A",
        "--quiet",
        "--no-config",
        "--no-lock",
        "--node-modules-dir=none",
        COMPILER,
        ...COMPILER_OPTIONS,
        "--rootDir",
        SOURCES.pathname,
        "--outDir",
        out,
        new URL("mod.ts", SOURCES).pathname,
      ],
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    if (code !== 0) throw new Error(`Cannot compile src/trie:\n${said}`);
    const files = new Map<string, string>();
    for await (const { name } of Deno.readDir(out)) {
      files.set(name, portable(name, await Deno.readTextFile(`${out}/${name}`)));
    }
    return files;
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** A file as it may ship: declarations name `.js` files too, scripts import nothing from elsewhere. */
function portable(path: string, text: string): string {
  const out = text.replace(/(from|import\()\s*"(\.[^"]+)\.ts"/g, '$1 "$2.js"');
  const code = out.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
  const bare = /\b(?:from|import\()\s*"(?!\.)([^"]+)"/.exec(code);
  if (bare) throw new Error(`Cannot build package: ${path} imports "${bare[1]}"`);
  const foreign = FOREIGN.exec(code);
  if (foreign) throw new Error(`Cannot build package: ${path} uses ${foreign[1]}`);
  return out;
}

function manifest() {
  return {
    name: "slime-trie",
    version: deno.version,
    description: "Radix trie from text to the tokens that really produced it. WebAssembly, no dependency.",
    license: deno.license,
    type: "module",
    sideEffects: false,
    exports: {
      ".": { types: "./mod.d.ts", default: "./mod.js" },
      "./trie.wasm": "./trie.wasm",
      "./package.json": "./package.json",
    },
    types: "./mod.d.ts",
    engines: { node: ">=20" },
  };
}

if (import.meta.main) {
  try {
    const { files, wasmBytes } = await buildNpm();
    process.stdout.write(`dist/npm: ${files} files, trie.wasm ${wasmBytes} of ${WASM_BYTES_MAX} bytes\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
