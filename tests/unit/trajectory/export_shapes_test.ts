import assert from "node:assert/strict";
import {
  EXPORT_SHAPES,
  exportRecords,
  exportSession,
  type ExportShape,
  jsonLines,
} from "../../../src/trajectory/export/mod.ts";
import type { Schema } from "../../../src/api/openapi_schemas.ts";
import fc from "fast-check";
import { violations } from "../../support/json_schema.ts";
import { FOREST, TestForest } from "../../support/turn_forest.ts";

const SCHEMAS = new URL("../../../docs/schemas/", import.meta.url);

/** Two turns on one path; then a branch whose row has the first turn as context. */
function forestOfThree(): TestForest {
  const forest = new TestForest("s1");
  const first = forest.add({
    prompt: [1, 2],
    output: [3, 4],
    logprobs: [-0.5, -0.25],
    sampledRuns: [{ tokens: 1, version: 7 }, { tokens: 1, version: "8" }],
  });
  forest.add({ parent: first, prompt: [5], output: [6], sampledRuns: [{ tokens: 1, version: 8 }] });
  forest.add({ parent: first, prompt: [9], output: [10], status: "aborted", cause: "edit" });
  return forest;
}

function shaped(shape: ExportShape): unknown[] {
  return [...jsonLines(exportRecords(forestOfThree(), { reward: 0.5 }), shape)].map((line) =>
    JSON.parse(line)
  );
}

Deno.test("jsonLines() in slime's shape: response fields begin at the first token to train", () => {
  assert.deepEqual(shaped("slime"), [
    {
      session_id: "s1",
      index: 0,
      tokens: [1, 2, 3, 4, 5, 6],
      response_length: 4,
      loss_mask: [1, 1, 0, 1],
      rollout_log_probs: [-0.5, -0.25, 0, -0.5],
      weight_versions: ["7", "8"],
      status: "completed",
      reward: 0.5,
      metadata: { task: "sum" },
    },
    {
      session_id: "s1",
      index: 1,
      tokens: [1, 2, 3, 4, 9, 10],
      response_length: 1,
      loss_mask: [1],
      rollout_log_probs: [-0.5],
      weight_versions: ["1"],
      status: "aborted",
      reward: 0.5,
      metadata: { task: "sum" },
    },
  ]);
});

Deno.test("jsonLines() in verl's shape: one sample of a DataProto, not padded", () => {
  const [first, second] = shaped("verl") as Record<string, unknown>[];
  assert.deepEqual(first, {
    prompts: [1, 2],
    responses: [3, 4, 5, 6],
    response_mask: [1, 1, 0, 1],
    input_ids: [1, 2, 3, 4, 5, 6],
    attention_mask: [1, 1, 1, 1, 1, 1],
    position_ids: [0, 1, 2, 3, 4, 5],
    rollout_log_probs: [-0.5, -0.25, 0, -0.5],
    non_tensor_batch: {
      uid: "s1",
      reward_score: 0.5,
      __num_turns__: 2,
      status: "completed",
      complete: true,
      metadata: { task: "sum" },
    },
  });
  assert.deepEqual([second?.prompts, second?.responses], [[1, 2, 3, 4, 9], [10]]);
});

Deno.test("jsonLines() in TRL's shape: what a rollout_func returns", () => {
  assert.deepEqual(shaped("trl")[0], {
    prompt_ids: [1, 2],
    completion_ids: [3, 4, 5, 6],
    logprobs: [-0.5, -0.25, 0, -0.5],
    env_mask: [1, 1, 0, 1],
    session_id: "s1",
    reward: 0.5,
    status: "completed",
    complete: true,
    metadata: { task: "sum" },
  });
});

Deno.test("toShape() of a row that trains nothing: the response begins at the first sampled token", () => {
  const forest = new TestForest();
  forest.add({ prompt: [1], output: [2, 3], logprobs: [NaN, NaN] });
  const [line] = [...jsonLines(exportRecords(forest), "slime")];
  const { response_length, loss_mask, rollout_log_probs } = JSON.parse(line!);
  assert.deepEqual({ response_length, loss_mask, rollout_log_probs }, {
    response_length: 2,
    loss_mask: [0, 0],
    rollout_log_probs: [0, 0],
  });
});

async function readSchema(name: string): Promise<{ schema: Schema; defs: Record<string, Schema> }> {
  const text = await Deno.readTextFile(new URL(`${name}.schema.json`, SCHEMAS));
  const { $schema, $id, title, $defs = {}, ...schema } = JSON.parse(text);
  assert.equal($schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal($id, `urn:slime-router:schema:${name}`);
  assert.equal(typeof title, "string");
  const defs = Object.fromEntries(
    Object.entries($defs as Record<string, Schema>).map(([key, def]) => [`#/$defs/${key}`, def]),
  );
  return { schema, defs };
}

/** Every member is described: what the schema leaves open is forbidden here. */
function closed(schema: Schema): Schema {
  return JSON.parse(
    JSON.stringify(schema),
    (_, value) =>
      value?.properties === undefined || value.type === undefined
        ? value
        : { additionalProperties: false, ...value },
  );
}

for (const shape of EXPORT_SHAPES) {
  const name = shape === "native" ? "native-record" : shape;
  Deno.test(`docs/schemas/${name}.schema.json describes every line of shape ${shape}`, async () => {
    const { schema, defs } = await readSchema(name);
    fc.assert(
      fc.property(FOREST, (forest) => {
        for (const line of jsonLines(exportRecords(forest, { reward: { score: 1 } }), shape)) {
          assert.deepEqual(violations(closed(schema), JSON.parse(line), defs), []);
        }
      }),
    );
  });
}

Deno.test("docs/schemas/native-export.schema.json describes the reply, and refuses what is none", async () => {
  const { schema, defs } = await readSchema("native-export");
  const reply = JSON.parse(JSON.stringify(exportSession(forestOfThree())));
  assert.deepEqual(violations(schema, reply, defs), []);
  reply.rows[0].loss_mask[1] = 2;
  reply.rows[1].status = "done";
  delete reply.captured;
  assert.deepEqual(violations(schema, reply, defs), [
    "$.captured: missing",
    "$.rows[0].loss_mask[1]: above 1",
    "$.rows[1].status: not in enum",
  ]);
});
