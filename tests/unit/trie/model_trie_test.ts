import { ModelTrie } from "../../../src/trie/model_trie.ts";
import { tokenTrieSuite } from "../../support/token_trie_suite.ts";

tokenTrieSuite("ModelTrie", (options) => Promise.resolve().then(() => new ModelTrie(options)));
