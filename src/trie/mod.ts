/**
 * The token trie: which tokens really produced a text. Usable alone, on any runtime.
 *
 * @module
 */
export * from "./token_trie.ts";
export { createTokenTrie, type CreateTokenTrieOptions } from "./create.ts";
export { ModelTrie } from "./model_trie.ts";
export { SNAPSHOT_FORMAT_VERSION, SnapshotError } from "./snapshot.ts";
export { WasmTrie } from "./wasm_trie.ts";
export type { WindowMatch } from "./window_match.ts";
