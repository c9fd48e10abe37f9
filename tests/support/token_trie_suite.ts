/**
 * The token trie's contract as tests, run over every implementation.
 *
 * @module
 */
import { boundCases } from "./token_trie/bound_cases.ts";
import { evictedCases } from "./token_trie/evicted_cases.ts";
import type { CreateTrie, RegisterCase } from "./token_trie/harness.ts";
import { holderCases } from "./token_trie/holder_cases.ts";
import { insertCases } from "./token_trie/insert_cases.ts";
import { snapshotCases } from "./token_trie/snapshot_cases.ts";
import { spliceCases } from "./token_trie/splice_cases.ts";
import { textCases } from "./token_trie/text_cases.ts";

export type { CreateTrie } from "./token_trie/harness.ts";

/** Registers the whole suite for the tries that `create` makes. */
export function tokenTrieSuite(name: string, create: CreateTrie): void {
  const test: RegisterCase = (criterion, run) =>
    Deno.test(`${name}: ${criterion}`, async () => await run(await create(), create));
  for (
    const cases of [insertCases, spliceCases, textCases, boundCases, evictedCases, holderCases, snapshotCases]
  ) {
    cases(test);
  }
}
