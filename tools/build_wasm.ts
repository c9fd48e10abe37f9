/**
 * Compiles `assembly/` into `src/trie/trie_wasm.generated.ts`: the core as base64, and a hash of its sources.
 *
 *     deno task build:wasm            # writes the file
 *     deno task build:wasm --check    # exit 1 and one line when the file is not what the sources compile to
 *
 * @module
 */
import asc from "assemblyscript/asc";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import process from "node:process";

const ASSEMBLY = new URL("../assembly/", import.meta.url);
const GENERATED = new URL("../src/trie/trie_wasm.generated.ts", import.meta.url);
const OPTIONS = [
  "index.ts",
  // An asconfig.json in the working directory would be read unasked, and add its own entries.
  "--config=none",
  "-O3",
  // Functions that are called from several places stay functions: a tenth smaller, and no slower.
  "--shrinkLevel=1",
  "--converge",
  "--noAssert",
  "--runtime=stub",
  "--enable=simd",
  "--importMemory",
  "--initialMemory=1",
  // Below lie header, result and bins: layout.ts, RESERVED_BYTES.
  "--memoryBase=16384",
  "--use=abort=",
  // What is called most comes first: its number is one byte.
  "--runPasses=reorder-functions",
];
const LINE_CHARS = 120;

/** What the build must not contain, and why. */
const FORBIDDEN: readonly [RegExp, string][] = [
  [/~lib\/rt/, "the managed runtime: something allocates with `new`"],
  [/\(import (?!"env" "memory")/, "an import other than memory"],
  [/\(data /, "a data segment: state belongs into the arena"],
  [/\(global \S+ \(mut/, "a mutable global: state belongs into the header record"],
];

/** The compiled core. Throws an `Error` with the compiler's words, or naming what the build must not contain. */
export async function compileCore(): Promise<Uint8Array> {
  const outputs = new Map<string, string | Uint8Array>();
  const stderr: string[] = [];
  const { error } = await asc.main([...OPTIONS, "--outFile=core.wasm", "--textFile=core.wat"], {
    stderr: { write: (chunk: string | Uint8Array) => stderr.push(String(chunk)) },
    readFile: readSource,
    writeFile: (name: string, contents: string | Uint8Array) => void outputs.set(name, contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`Cannot compile assembly/: ${error.message}\n${stderr.join("")}`);
  const wat = String(outputs.get("core.wat"));
  for (const [pattern, what] of FORBIDDEN) {
    if (pattern.test(wat)) throw new Error(`Cannot use the compiled core: it contains ${what}`);
  }
  return outputs.get("core.wasm") as Uint8Array;
}

/** A file of `assembly/`; the compiler brings its own library, and asks for both. */
function readSource(name: string): string | null {
  try {
    return Deno.readTextFileSync(new URL(name, ASSEMBLY));
  } catch {
    return null;
  }
}

/** SHA-256 over names and contents of the sources and over the compiler's options. */
export function hashSources(): string {
  const hash = createHash("sha256").update(OPTIONS.join("\0"));
  const names = [...Deno.readDirSync(ASSEMBLY)].filter((e) => e.isFile && e.name.endsWith(".ts"))
    .map((e) => e.name).sort();
  for (const name of names) hash.update(name).update(Deno.readFileSync(new URL(name, ASSEMBLY)));
  return hash.digest("hex");
}

function moduleText(wasm: Uint8Array): string {
  const base64 = Buffer.from(wasm).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
  return [
    "// Written by `deno task build:wasm` from assembly/. Not to be edited.",
    "",
    "/** SHA-256 of the sources that this was compiled from. */",
    `export const SOURCE_HASH = "${hashSources()}";`,
    "",
    "/** The compiled core, base64. */",
    "export const TRIE_WASM_BASE64 =",
    lines.map((line) => `  "${line}"`).join(" +\n") + ";",
    "",
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const wasm = await compileCore();
  const text = moduleText(wasm);
  if (!args.includes("--check")) {
    Deno.writeTextFileSync(GENERATED, text);
    process.stdout.write(`trie core: ${wasm.length} bytes of WASM\n`);
    return 0;
  }
  let known = "";
  try {
    known = Deno.readTextFileSync(GENERATED);
  } catch {
    // Never built: as stale as can be.
  }
  if (known === text) return 0;
  process.stderr.write(
    "src/trie/trie_wasm.generated.ts is stale: run `deno task build:wasm` and commit it\n",
  );
  return 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(Deno.args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
