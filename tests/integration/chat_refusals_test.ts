/** What a chat request may ask for that cannot be served exactly: told with field and range, never passed over. */
import assert from "node:assert/strict";
import { createChatHarness } from "../support/chat_harness.ts";

const REFUSED: readonly [field: string, param: string, message: RegExp][] = [
  [
    '"seed": 123456789012345678901234567890',
    "seed",
    /seed must be an integer from -9007199254740991 to 9007199254740991, received/,
  ],
  ['"seed": 9007199254740993', "seed", /seed must be an integer from -9007199254740991 to 9007199254740991/],
  [
    '"seed": 1e400',
    "seed",
    /seed must be an integer from -9007199254740991 to 9007199254740991, received number Infinity/,
  ],
  ['"seed": 1.5', "seed", /seed must be an integer, received number 1.5/],
  ['"max_tokens": 1e30', "max_tokens", /max_tokens must be an integer from 1 to 9007199254740991/],
  ['"min_tokens": 1e20', "min_tokens", /min_tokens must be an integer from 0 to 9007199254740991/],
  ['"n": 99999999999999999999', "n", /n must be an integer from 1 to 128/],
  [
    '"temperature": 1e400',
    "temperature",
    /temperature must be a number of at least 0, received number Infinity/,
  ],
  [
    '"stop_token_ids": [5, 1e12]',
    "stop_token_ids",
    /stop_token_ids must be a list of integers from 0 to 4294967295, received/,
  ],
  [
    '"logit_bias": {"99999999999": 1}',
    "logit_bias",
    /numbers by token id, from 0 to 4294967295, received string "99999999999"/,
  ],
  ['"logit_bias": {"5": 1e400}', "logit_bias.5", /logit_bias\.5 must be a number, received number Infinity/],
  ['"continue_final_message": true', "continue_final_message", /needs an assistant's message at the end/],
  ['"continue_final_message": "content"', "continue_final_message", /must be true or false/],
  ['"add_generation_prompt": false', "add_generation_prompt", /add_generation_prompt is not served/],
  ['"add_generation_prompt": 0', "add_generation_prompt", /must be true or false/],
  ['"echo": true', "echo", /echo is not served/],
  ['"add_special_tokens": true', "add_special_tokens", /the chat template writes them/],
  ['"chat_template": "{{ 1 }}"', "chat_template", /chat_template is not served/],
  ...["continue_final_message", "add_generation_prompt", "chat_template"].map((
    name,
  ): [string, string, RegExp] => [
    `"chat_template_kwargs": {"${name}": true}`,
    `chat_template_kwargs.${name}`,
    new RegExp(`must not hold ${name}`),
  ]),
];

const bodyWith = (field: string) =>
  `{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2, ${field}}`;

Deno.test("chat: numbers out of range and turns of another kind are refused with field and range", async (t) => {
  await using h = await createChatHarness();
  for (const [field, param, message] of REFUSED) {
    await t.step(field, async () => {
      const reply = await h.post("/sessions/a/v1/chat/completions", null, { body: bodyWith(field) });
      const { error } = await reply.json();
      assert.deepEqual([reply.status, error.param], [400, param]);
      assert.match(error.message, message);
    });
  }
  assert.equal(h.wire.length, 0);
  assert.equal((await h.request("/sessions/a")).status, 404, "a refused request opens no session");
});

Deno.test("chat: what says what the router does anyway is taken", async () => {
  await using h = await createChatHarness();
  const fields = [
    '"continue_final_message": false, "add_generation_prompt": true, "echo": null, "chat_template": null',
    '"seed": -1, "add_special_tokens": false',
  ];
  for (const field of fields) {
    const reply = await h.post("/v1/chat/completions", null, { body: bodyWith(field) });
    await reply.text();
    assert.equal(reply.status, 200, field);
  }
  const [first] = h.generateBodies();
  for (const name of ["continue_final_message", "add_generation_prompt", "echo", "chat_template"]) {
    assert.ok(!(name in first!), name);
  }
});
