import assert from "node:assert/strict";
import { LAYERS, layerViolations } from "../../../tools/check_layers.ts";

const check = (files: Record<string, string>) =>
  layerViolations(new Map(Object.entries(files))).map(({ file, specifier, rule }) =>
    `${file} ${specifier}: ${rule}`
  );

Deno.test("layerViolations() allows imports that run down or stay in the room", () => {
  assert.deepEqual(
    check({
      "src/cli/serve.ts":
        'import { createApp } from "../app.ts";\nimport { serve } from "../platform/deno_serve.ts";\n',
      "src/app.ts": 'import { Hono } from "hono";\nimport { TokenCache } from "./cache/token_cache.ts";\n',
      "src/cache/token_cache.ts": 'import type { TokenTrie } from "../trie/token_trie.ts";\n',
      "src/trie/wasm_trie.ts": 'export {\n  type TokenTrie,\n} from "./token_trie.ts";\n',
      "src/sync/timeout.ts": 'import { delay } from "es-toolkit";\n',
      "src/platform/deno_serve.ts": "Deno.serve(() => new Response());\n",
    }),
    [],
  );
});

Deno.test("layerViolations() names what runs up, out, or in circles", () => {
  const cases: [Record<string, string>, string[]][] = [
    [
      { "src/worker/pool.ts": 'import { select } from "../policy/policy.ts";' },
      ["src/worker/pool.ts ../policy/policy.ts: worker lies below policy: imports run down"],
    ],
    [
      { "src/types.ts": 'import type {\n  App,\n  Deps,\n} from "./app.ts";' },
      ["src/types.ts ./app.ts: types lies below app: imports run down"],
    ],
    [
      { "src/proxy/a.ts": 'const late = await import("../api/x.ts");' },
      ["src/proxy/a.ts ../api/x.ts: proxy lies below api: imports run down"],
    ],
    [{ "src/api/a.ts": 'import "../middleware/x.ts";' }, []],
    [
      {
        "src/api/a.ts": 'import "../middleware/x.ts";',
        "src/middleware/x.ts": 'export * from "../api/a.ts";',
      },
      [
        "src/api/a.ts ../middleware/x.ts: api and middleware import each other",
        "src/middleware/x.ts ../api/a.ts: middleware and api import each other",
      ],
    ],
    [
      { "src/trie/a.ts": 'import type { Clock } from "../types.ts";' },
      ["src/trie/a.ts ../types.ts: trie imports nothing of the rest"],
    ],
    [
      { "src/trie/a.ts": 'import { delay } from "es-toolkit";' },
      ["src/trie/a.ts es-toolkit: trie does not use this package"],
    ],
    [
      { "src/sync/a.ts": 'import { Hono } from "hono/tiny";' },
      ["src/sync/a.ts hono/tiny: sync does not use this package"],
    ],
    [
      { "src/sync/a.ts": "// Deno.exit is fine in words\nDeno.exit(1);" },
      ["src/sync/a.ts Deno: this room runs on other runtimes too"],
    ],
    [
      { "src/api/a.ts": 'import { x } from "../../tests/support/x.ts";' },
      ["src/api/a.ts ../../tests/support/x.ts: src imports nothing from outside src"],
    ],
    [
      { "src/attic/a.ts": "export const x = 1;" },
      ['src/attic/a.ts : room "attic" has no layer: name it in tools/check_layers.ts'],
    ],
  ];
  for (const [files, expected] of cases) assert.deepEqual(check(files), expected);
});

Deno.test("layerViolations() does not take comments and texts for imports", () => {
  assert.deepEqual(
    check({
      "src/trie/a.ts": [
        "/**",
        ' * import { x } from "@slime/router";',
        " */",
        '// import "hono";',
        'export type Reason = "hit" | "no match";',
        'const url = "https://example.org"; // import "hono"',
      ].join("\n"),
    }),
    [],
  );
});

Deno.test("LAYERS names each room once", () => {
  const rooms = LAYERS.flat();
  assert.equal(new Set(rooms).size, rooms.length);
});
