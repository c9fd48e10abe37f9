/**
 * The demo as text. Pure: what was seen goes in, lines come out.
 *
 * @module
 */
import type { CacheMetrics, Turn } from "./conversation.ts";
import { type Codec, type Finding, firstSplit, type TokenRow } from "./findings.ts";
import { type Column, type Look, paint, renderTable, type Row } from "./table.ts";

/** Prompt tokens in a row that are all shown; of longer runs, the ends are. */
const PROMPT_RUN_MAX = 8;
/** Tokens shown at each end of a longer run. */
const PROMPT_RUN_ENDS = 3;

const COLUMNS: readonly Column[] = [
  { title: "turn", align: "right" },
  { title: "from" },
  { title: "id", align: "right" },
  { title: "logprob", align: "right" },
  { title: "mask", align: "right" },
  { title: "version", align: "right" },
  { title: "text" },
];

/** Every token of the conversation; long runs of prompt folded. */
export function tokenTable(tokens: readonly TokenRow[], look: Look): string {
  return renderTable(COLUMNS, runs(tokens).flatMap((run) => fold(run, look)), look);
}

/** Neighbours of one turn and provenance. */
function runs(tokens: readonly TokenRow[]): TokenRow[][] {
  const all: TokenRow[][] = [];
  for (const token of tokens) {
    const last = all.at(-1)?.at(-1);
    if (last?.turn === token.turn && last.provenance === token.provenance) all.at(-1)!.push(token);
    else all.push([token]);
  }
  return all;
}

function fold(run: readonly TokenRow[], look: Look): Row[] {
  const rows = run.map(tokenRow);
  if (run[0]?.provenance !== "prompt" || run.length <= PROMPT_RUN_MAX) return rows;
  const hidden = `${look.rich ? "…" : "..."} ${run.length - 2 * PROMPT_RUN_ENDS} more prompt tokens`;
  return [...rows.slice(0, PROMPT_RUN_ENDS), hidden, ...rows.slice(-PROMPT_RUN_ENDS)];
}

function tokenRow({ turn, provenance, id, logprob, lossMask, version, bytes }: TokenRow): string[] {
  const sampled = provenance === "sampled";
  return [
    String(turn),
    provenance,
    String(id),
    sampled ? logprob?.toFixed(4) ?? "null" : "-",
    String(lossMask),
    sampled ? String(version) : "-",
    visible(bytes),
  ];
}

/** A token's bytes for the eye: text with escapes, or hexadecimal where it ends inside a character. */
export function visible(bytes: Uint8Array): string {
  try {
    // The decoder would swallow a byte order mark; marks and format characters would sit on the quotation mark.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.stringify(text).replace(/[\p{Cf}\p{Mn}]/gu, escaped);
  } catch {
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** One turn: who said what, and its figures. */
export function turnLines(number: number, turn: Turn, look: Look): string {
  const { question, replyText, promptTokens, cachedTokens, outputIds, finish, weightVersion, engine } = turn;
  return [
    `${paint(`Turn ${number}`, "1", look)}  user:      ${JSON.stringify(question)}`,
    `        assistant: ${JSON.stringify(replyText)}`,
    `        engine ${engine}: ${promptTokens} prompt tokens, ${cachedTokens} of them in its KV cache;` +
    ` ${outputIds.length} sampled under weight version ${weightVersion}, ended by ${finish}`,
    "",
  ].join("\n");
}

/** The first split of each turn that encoding would not give. */
export function splitLines(turns: readonly Turn[], codec: Codec): string {
  const lines = turns.flatMap(({ outputIds }, index) => {
    const split = firstSplit(outputIds, codec);
    if (split === null) return [];
    return [
      `turn ${index + 1}: ${JSON.stringify(split.text)}`,
      `  sampled as     ${pieces(split.sampledIds, codec)}`,
      `  encoding gives ${pieces(split.canonicalIds, codec)}`,
    ];
  });
  return lines.map((line) => `${line}\n`).join("");
}

function pieces(ids: readonly number[], codec: Codec): string {
  return ids.map((id) => `${id} ${visible(codec.decodeBytes([id]))}`).join("  ");
}

/** Claims, each with whether it holds. */
export function findingLines(all: readonly Finding[], look: Look): string {
  return all.map(({ holds, claim }) => {
    const mark = holds
      ? paint(look.rich ? "✔" : "ok", "32", look)
      : paint(look.rich ? "✘" : "FAILED", "31", look);
    return `${mark} ${claim}\n`;
  }).join("");
}

/** The cache's figures from `/metrics`. */
export function cacheLines(cache: CacheMetrics): string {
  return [
    `  entries ${cache.total_entries}, tokens ${cache.cur_cache_size}, hits ${cache.cache_hits},` +
    ` misses ${cache.cache_misses}, hit rate ${cache.hit_rate.toFixed(2)}`,
    "",
  ].join("\n");
}

/** A heading over a section. */
export function heading(text: string, look: Look): string {
  return `\n${paint(text, "1;36", look)}\n`;
}

/** Commands to copy, for a router that listens at `url`. */
export function curlLines(url: string): string {
  return [
    `  curl -s ${url}/generate -d '{"text": "Hello", "sampling_params": {"max_new_tokens": 24}}'`,
    `  curl -sN ${url}/generate -d '{"text": "Hello", "stream": true, "sampling_params": {"max_new_tokens": 24}}'`,
    `  curl -s ${url}/retrieve_from_text -d '{"text": "Hello"}'`,
    `  curl -s ${url}/list_workers`,
    `  curl -s ${url}/metrics`,
    `  curl -s -H 'Accept: text/plain' ${url}/metrics`,
    "",
  ].join("\n");
}
