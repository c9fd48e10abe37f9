/**
 * What a row must say of its tokens, checked on the row alone.
 *
 * @module
 */
import { postedHash } from "../posted_hash.ts";
import { rowDigest } from "./digest.ts";
import type { ChainLink, NativeRow } from "./native.ts";
import { type Problem, quote } from "./read.ts";

const LETTERS = "spbcf";

/** What is wrong in a row whose structure is right: the first problem of each rule. Linear in the tokens. */
export function rowProblems(row: NativeRow): Problem[] {
  const found = [letterProblem, maskProblem, originProblem, completeProblem, placeProblem]
    .flatMap((check) => check(row) ?? []);
  const chain = chainProblem(row);
  if (chain !== null) found.push(chain);
  const digest = rowDigest(row);
  if (digest !== row.digest) {
    found.push(problem("digest", null, digestLabel(row, chain === null), digest, row.digest));
  }
  return found;
}

/** What a digest that differs can mean: ids that were POSTed have a hash of their own. */
function digestLabel({ tokens, chain }: NativeRow, isChainRight: boolean): string {
  const posted = isChainRight ? chain.at(-1)?.posted ?? 0 : 0;
  const own = posted === 0 ? "" : posted < tokens.length ? ` (tokens[${posted}] and on)` : null;
  return `digest of ${own === null ? "" : `tokens${own}, `}loss_mask, logprobs, turns, provenance, versions`;
}

function letterProblem({ provenance }: NativeRow): Problem | null {
  for (let i = 0; i < provenance.length; i++) {
    if (!LETTERS.includes(provenance[i]!)) {
      return problem("provenance", i, `provenance[${i}]`, `one of ${LETTERS}`, provenance[i]);
    }
  }
  return null;
}

/** mask 1 ⇔ sampled ⇔ the logprob is a number. */
function maskProblem({ loss_mask, logprobs, provenance }: NativeRow): Problem | null {
  for (let i = 0; i < loss_mask.length; i++) {
    const isTrained = loss_mask[i] === 1;
    if (isTrained !== (provenance[i] === "s")) {
      return problem(
        "mask",
        i,
        `provenance[${i}]`,
        isTrained ? "s, as loss_mask is 1" : "not s",
        provenance[i],
      );
    }
    if (isTrained !== (logprobs[i] !== null)) {
      const expected = isTrained ? "a number, as loss_mask is 1" : "null, as loss_mask is 0";
      return problem("mask", i, `logprobs[${i}]`, expected, logprobs[i]);
    }
  }
  return null;
}

/** Only ids that a turn sampled have a version, and only context and sampled letters may stand for them. */
function originProblem({ turns, versions, provenance }: NativeRow): Problem | null {
  for (let i = 0; i < turns.length; i++) {
    const letter = provenance[i]!;
    if (turns[i] === null && letter === "s") {
      return problem("turns", i, `turns[${i}]`, "a turn, as provenance is s", null);
    }
    if (turns[i] !== null && "bcf".includes(letter)) {
      return problem("turns", i, `turns[${i}]`, `null, as provenance is ${letter}`, turns[i]);
    }
    if (turns[i] === null && versions[i] !== null) {
      return problem("versions", i, `versions[${i}]`, "null, as no turn sampled it", versions[i]);
    }
  }
  return null;
}

function completeProblem({ complete, loss_mask, versions }: NativeRow): Problem | null {
  if (!complete) return null;
  const at = loss_mask.findIndex((mask, i) => mask === 1 && versions[i] === null);
  return at < 0 ? null : problem("complete", at, `versions[${at}]`, "a version, as complete is true", null);
}

/** What a turn sampled stands right after what was POSTed for it, in one run. */
function placeProblem({ turns, chain }: NativeRow): Problem | null {
  let link = -1;
  let isOver = true;
  for (let i = 0; i < turns.length; i++) {
    while (link + 1 < chain.length && chain[link + 1]!.posted <= i) {
      link++;
      isOver = false;
    }
    const turn = turns[i]!;
    if (turn === null) {
      isOver = true;
      continue;
    }
    const at = chain[link]?.turn;
    if (isOver || turn !== at) {
      const expected = isOver ? "null, as it is part of a prompt" : `${at}, the turn that was POSTed last`;
      return problem("turns", i, `turns[${i}]`, expected, turn);
    }
  }
  return null;
}

/** Recomputes the hashes of what was POSTed; see `posted_hash.ts`. */
function chainProblem({ tokens, chain }: NativeRow): Problem | null {
  let parent: ChainLink | null = null;
  for (const [i, link] of chain.entries()) {
    const from: number = parent?.posted ?? 0;
    if (link.posted < from || link.posted > tokens.length) {
      return problem("chain", null, `chain[${i}].posted`, `within ${from} and ${tokens.length}`, link.posted);
    }
    const added = Uint32Array.from(tokens.slice(from, link.posted));
    const hash = postedHash(parent?.hash ?? null, new Uint32Array(), added);
    if (hash !== link.hash) {
      const what = `chain[${i}].hash, of tokens ${from} to ${link.posted}`;
      return problem("chain", from < tokens.length ? from : null, what, hash, link.hash);
    }
    parent = link;
  }
  return null;
}

function problem(
  rule: string,
  token: number | null,
  what: string,
  expected: string,
  received: unknown,
): Problem {
  return { rule, token, what, expected, received: typeof received === "string" ? received : quote(received) };
}
