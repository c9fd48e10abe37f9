/** What an adapter writes, and what it does not let pass. */
import assert from "node:assert/strict";
import { BadRequestError } from "../../../src/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";
import {
  type AdapterSetup,
  edited,
  editedFrames,
  engineOf,
  outputOf,
  readStream,
  requestFor,
  send,
  streamBytes,
} from "./harness.ts";

/** A change of a reply, or of the frames of a stream, in the terms of an engine. */
export interface WireEdits {
  /** Takes every logprob away. */
  dropLogprobs(reply: JsonObject): void;
  /** Replies that contradict themselves, each with what is said of it. */
  readonly contradictions: readonly [name: string, edit: (reply: JsonObject) => void, said: RegExp][];
  /** The same for the frames of a stream. */
  readonly frameContradictions: readonly [name: string, edit: (frames: JsonObject[]) => void, said: RegExp][];
  /** Places of a reply, or of a frame, where the id of its token at 0 stands, each with how it puts an id there. */
  readonly idPlaces: readonly [name: string, put: (reply: JsonObject, id: JsonValue) => void][];
  /** Fields of `extra` that would change the prompt or the reply. */
  readonly refused: readonly JsonObject[];
}

const encoder = new TextEncoder();

const UNUSABLE: readonly [name: string, body: string, said: RegExp][] = [
  ["no JSON", "<html>busy</html>", /./],
  ["cut JSON", '{"text": "', /./],
  ["another object", '{"object": "list", "data": []}', /./],
  ["an empty list", "[]", /./],
  ["nothing", "", /./],
  ["an error", '{"error": {"message": "the model is gone"}}', /the model is gone/],
  ["an error without a message", '{"error": {}}', /without a message/],
];

/** What is no token id, and how it is quoted. */
const NO_IDS: readonly [id: JsonValue, quoted: RegExp][] = [
  [-5, /received .*-5/],
  [1.5, /received .*1\.5/],
  [2 ** 32, /received .*4294967296/],
  [1e300, /received .*1e\+300/],
  ["7", /received .*7/],
  [null, /received .*null/],
  [true, /received .*true/],
  [[3], /received .*3/],
  [{ id: 3 }, /received .*3/],
];

/** Registers the cases. */
export function refusalCases(setup: AdapterSetup, edits: WireEdits): void {
  const test = (name: string, run: () => Promise<void> | void) => Deno.test(`${setup.name}: ${name}`, run);
  const { adapter } = setup;

  test("the ids that are POSTed are the request's, and unknown fields are passed on", async () => {
    const engine = engineOf(setup);
    const request = requestFor("say hello 你", {
      rid: "turn-7",
      extra: { priority: 3, sampling_params: { custom: 1 } },
    });
    await outputOf(setup, engine, request);
    const [sent] = engine.state.requests;
    const body = sent?.body() as JsonObject;
    assert.equal(sent?.path, setup.path);
    assert.deepEqual(body.input_ids ?? body.token_ids ?? body.prompt, [...request.inputIds]);
    assert.equal(body.rid ?? body.request_id, "turn-7");
    assert.equal(body.priority, 3);
    assert.equal((body.sampling_params as JsonObject | undefined ?? body).custom, 1);
  });

  test("fields that would change prompt or reply are refused by name", () => {
    for (const extra of edits.refused) {
      assert.throws(() => adapter.encode(requestFor("say", { extra })), (error) => {
        return error instanceof BadRequestError && error.message.includes(Object.keys(extra)[0]!);
      }, JSON.stringify(extra));
    }
    assert.throws(() => adapter.encode(requestFor("")), RangeError);
    assert.throws(() => adapter.encode(requestFor("say", { rid: "" })), RangeError);
  });

  test("a format that is not known is refused", () => {
    for (const responseFormat of [{ type: "xml" }, { type: "json_schema" }, "json"]) {
      if (setup.path === "/v1/completions") continue; // passed on as it is
      assert.throws(
        () => adapter.encode(requestFor("say", { sampling: { responseFormat } })),
        /response_format/,
      );
    }
  });

  test("logprobs that are missing are NaN, never a number", async () => {
    const raw = await send(setup, engineOf(setup), requestFor("say"));
    const { status, bytes } = edited(raw, edits.dropLogprobs);
    const reply = adapter.decode(status, bytes);
    assert.ok(reply.kind === "outputs");
    assert.equal(reply.outputs[0]?.tokenIds.length, 24);
    assert.ok(reply.outputs[0]?.logprobs.every(Number.isNaN));
    const frames = editedFrames(
      await streamBytes(setup, engineOf(setup), requestFor("say")),
      (all) => all.forEach(edits.dropLogprobs),
    );
    const { outputs } = readStream(setup, frames, {}, () => 100);
    assert.deepEqual(outputs?.[0]?.tokenIds, reply.outputs[0]?.tokenIds);
    assert.ok(outputs?.[0]?.logprobs.every(Number.isNaN));
  });

  for (const [name, edit, said] of edits.contradictions) {
    test(`a reply with ${name} is not recorded`, async () => {
      const { status, bytes } = edited(await send(setup, engineOf(setup), requestFor("say")), edit);
      const reply = adapter.decode(status, bytes);
      assert.match(reply.kind === "error" ? reply.message : reply.outputs[0]?.inconsistency ?? "", said);
    });
  }

  for (const [name, edit, said] of edits.frameContradictions) {
    test(`a stream with ${name} is not recorded`, async () => {
      const frames = editedFrames(await streamBytes(setup, engineOf(setup), requestFor("say")), edit);
      for (const length of [frames.length, 40]) {
        const { outputs, failure } = readStream(setup, frames, {}, () => length);
        assert.match(failure ?? outputs?.[0]?.inconsistency ?? "", said);
      }
    });
  }

  for (const [place, put] of edits.idPlaces) {
    test(`what is no token id is refused in ${place}, and quoted, plain and streamed`, async () => {
      const request = requestFor("say", { sampling: { topLogprobs: 2 } });
      const raw = await send(setup, engineOf(setup), request);
      const stream = await streamBytes(setup, engineOf(setup), request);
      for (const [id, quoted] of NO_IDS) {
        const { status, bytes } = edited(raw, (reply) => put(reply, id));
        const reply = adapter.decode(status, bytes, 1, 2);
        assert.ok(reply.kind === "error" && reply.status === 502, `${id} is taken for an id`);
        assert.match(reply.message, /no token id/);
        assert.match(reply.message, quoted);
        for (const which of [0, -2]) {
          const frames = editedFrames(stream, (frames) => put(frames.at(which)!, id));
          const { outputs, failure } = readStream(setup, frames, request.sampling, () => 50);
          assert.match(failure ?? "", /no token id/, `${id} is taken for an id`);
          assert.match(failure ?? "", quoted);
          assert.equal(outputs, null);
        }
      }
    });
  }

  for (const [name, body, said] of UNUSABLE) {
    test(`a reply of 200 with ${name} is an error of 502`, () => {
      const reply = adapter.decode(200, encoder.encode(body));
      assert.ok(reply.kind === "error" && reply.status === 502, JSON.stringify(reply));
      assert.match(reply.message, said);
      const { failure } = readStream(setup, encoder.encode(`data: ${body}\n\ndata: [DONE]\n\n`));
      assert.match(failure!, said);
    });
  }

  test("another number of samples than was asked for is an error", async () => {
    const request = requestFor("say");
    const { status, bytes } = await send(setup, engineOf(setup), request);
    const reply = adapter.decode(status, bytes, 2);
    assert.ok(reply.kind === "error" && /1 samples, 2 were asked for/.test(reply.message));
    const two = requestFor("say", { sampling: { n: 2, maxTokens: 3 } });
    const stream = await streamBytes(setup, engineOf(setup), two);
    assert.match(readStream(setup, stream, { n: 1 }).failure!, /were asked for/);
  });

  test("an empty stream is a failure", () => {
    const { outputs, failure } = readStream(setup, encoder.encode(": ping\n\n"));
    assert.equal(outputs, null);
    assert.match(failure!, /ended before/);
  });
}
