// deno-lint-ignore-file no-console
/**
 * Checks that imports inside `src/` run down only, as ARCHITECTURE.md draws the house.
 *
 * Rooms of one layer may know each other, unless that closes a circle. `trie` and `sync` know nobody: other runtimes
 * reuse them as they are.
 *
 * Usage: `deno run --allow-read tools/check_layers.ts`
 *
 * @module
 */
import { walkFiles } from "./files.ts";

/** Rooms from the top of the house to its ground. A file right in `src/` is a room of its own. */
export const LAYERS: readonly (readonly string[])[] = [
  ["cli", "platform"],
  ["app"],
  ["api", "middleware"],
  ["proxy"],
  ["trajectory", "cache", "policy"],
  ["engine", "parse", "tokenizer", "worker"],
  ["trie", "sync", "observability"],
  ["types", "errors", "config", "registry"],
];

/** Rooms that import nothing of the rest, nor Deno's globals, nor these packages (`*`: any package). */
export const SELF_CONTAINED: Readonly<Record<string, readonly string[]>> = {
  trie: ["*"],
  sync: ["hono"],
};

/** An import that the house does not allow. */
export interface Violation {
  readonly file: string;
  readonly specifier: string;
  readonly rule: string;
}

/** An import of one file, as written. */
interface Import {
  readonly file: string;
  readonly room: string;
  readonly specifier: string;
  /** Room it leads to; null for packages and for what lies outside `src/`. */
  readonly target: string | null;
}

/**
 * Every import that breaks a rule.
 *
 * @param files sources by path, relative to the project with forward slashes, e.g. `src/trie/wasm_trie.ts`
 */
export function layerViolations(files: ReadonlyMap<string, string>): Violation[] {
  const imports = [...files].flatMap(([file, source]) => importsOf(file, source));
  return [
    ...[...files].flatMap(([file, source]) => unknownRoom(file) ?? denoGlobals(file, source)),
    ...imports.flatMap((each) => direction(each)),
    ...circles(imports),
  ];
}

const IMPORT_PATTERN = /^[ \t]*(?:import\s*|(?:import|export)\b[^"';=]*?\bfrom\s*)["']([^"'\n]+)["']/gm;
const DYNAMIC_IMPORT_PATTERN = /\bimport\(\s*["']([^"'\n]+)["']/g;

function importsOf(file: string, source: string): Import[] {
  const code = withoutComments(source);
  const matches = [...code.matchAll(IMPORT_PATTERN), ...code.matchAll(DYNAMIC_IMPORT_PATTERN)];
  return matches.map(([, specifier = ""]) => ({
    file,
    room: roomOf(file) ?? "",
    specifier,
    target: specifier.startsWith(".")
      ? roomOf(new URL(specifier, `file:///${file}`).pathname.slice(1))
      : null,
  }));
}

/** Block comments and lines that are comments; a `//` inside a line may stand in a string and stays. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** `src/trie/x.ts` is in room `trie`, `src/app.ts` is room `app`; null outside `src/`. */
function roomOf(path: string): string | null {
  return /^src\/([^/.]+)/.exec(path)?.[1] ?? null;
}

function layerOf(room: string): number {
  return LAYERS.findIndex((rooms) => rooms.includes(room));
}

function unknownRoom(file: string): Violation[] | null {
  const room = roomOf(file) ?? "";
  if (layerOf(room) >= 0) return null;
  return [{ file, specifier: "", rule: `room "${room}" has no layer: name it in tools/check_layers.ts` }];
}

function denoGlobals(file: string, source: string): Violation[] {
  if (!((roomOf(file) ?? "") in SELF_CONTAINED) || !/\bDeno\./.test(withoutComments(source))) return [];
  return [{ file, specifier: "Deno", rule: "this room runs on other runtimes too" }];
}

function direction({ file, room, specifier, target }: Import): Violation[] {
  const alone = SELF_CONTAINED[room];
  const violation = (rule: string) => [{ file, specifier, rule }];
  if (!specifier.startsWith(".")) {
    const refused = alone?.some((name) =>
      name === "*" || specifier === name || specifier.startsWith(`${name}/`)
    );
    return refused ? violation(`${room} does not use this package`) : [];
  }
  if (target === null) return violation("src imports nothing from outside src");
  if (target === room) return [];
  if (alone) return violation(`${room} imports nothing of the rest`);
  if (layerOf(target) < layerOf(room)) return violation(`${room} lies below ${target}: imports run down`);
  return [];
}

/** Circles among rooms of one layer. */
function circles(imports: readonly Import[]): Violation[] {
  const level = imports.filter(({ room, target }) =>
    target !== null && target !== room && layerOf(target) === layerOf(room)
  );
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    level.some(({ room, target }) => {
      if (room !== from || target === null || seen.has(target)) return false;
      return target === to || reaches(target, to, seen.add(target));
    });
  return level.filter(({ room, target }) => reaches(target!, room)).map((
    { file, specifier, room, target },
  ) => ({
    file,
    specifier,
    rule: `${room} and ${target} import each other`,
  }));
}

if (import.meta.main) {
  const files = new Map<string, string>();
  for await (const path of walkFiles("src", ".ts")) files.set(path, await Deno.readTextFile(path));
  const violations = layerViolations(files);
  for (const { file, specifier, rule } of violations) console.error(`${file}: ${specifier}: ${rule}`);
  console.log(`${files.size} files, ${violations.length} imports that break a rule`);
  if (violations.length > 0) Deno.exit(1);
}
