/**
 * Makes the trie that ships.
 *
 * @module
 */
import type { TokenTrie, TokenTrieOptions } from "./token_trie.ts";
import { compileOwnCore } from "./wasm_core.ts";
import { WasmTrie } from "./wasm_trie.ts";

/** Options of {@link createTokenTrie}. */
export interface CreateTokenTrieOptions extends TokenTrieOptions {
  /** The compiled core, for runtimes that forbid compiling the bytes that come with this module. */
  wasm?: BufferSource | WebAssembly.Module;
}

/**
 * An empty token trie.
 *
 * @example
 * ```ts
 * import { createTokenTrie } from "./mod.ts";
 * const trie = await createTokenTrie({ maxCacheSize: 1_000_000 });
 * trie.insert("Hello World", [1, 2, 3, 4, 5], null, [0, 0, 0, 1, 1], 10);
 * trie.retrieveFromText("Hello World, again").tokenIds; // Uint32Array [1, 2, 3, 4, 5]
 * ```
 */
export async function createTokenTrie(options: CreateTokenTrieOptions = {}): Promise<TokenTrie> {
  return new WasmTrie(await coreModule(options.wasm), options);
}

function coreModule(wasm: CreateTokenTrieOptions["wasm"]): Promise<WebAssembly.Module> {
  if (wasm === undefined) return compileOwnCore();
  return wasm instanceof WebAssembly.Module ? Promise.resolve(wasm) : WebAssembly.compile(wasm);
}
