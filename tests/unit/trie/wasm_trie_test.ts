import { createTokenTrie } from "../../../src/trie/mod.ts";
import { tokenTrieSuite } from "../../support/token_trie_suite.ts";

tokenTrieSuite("WasmTrie", createTokenTrie);
