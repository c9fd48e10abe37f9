/** How generations end other than by themselves: aborts, versions, errors, and going on after a pause. */
import assert from "node:assert/strict";
import type { FaultSettings } from "../../../src/engine/simulated/mod.ts";
import { resumeRequest } from "../../../src/engine/resume.ts";
import { isPauseAbort } from "../../../src/engine/sglang.ts";
import { stampVersion } from "../../../src/engine/versions.ts";
import { joinOutputs } from "../../../src/trajectory/join_outputs.ts";
import type { JsonObject } from "../../../src/types.ts";
import {
  type AdapterSetup,
  ask,
  engineOf,
  joined,
  outputOf,
  plainOf,
  readStream,
  requestFor,
  send,
  streamBytes,
  truth,
} from "./harness.ts";

const PAUSES: readonly [name: string, faults: FaultSettings, tokens: number][] = [
  ["in the waiting queue", { abortWaiting: { next: 1 } }, 0],
  ["before the second token", { abortRunning: { next: 1, afterTokens: 1 } }, 1],
  ["between tokens", { abortRunning: { next: 1, afterTokens: 5 } }, 5],
  ["after a retraction", { abortRetracted: { next: 1, afterTokens: 5 } }, 5],
];

/** Registers the cases. */
export function endCases(setup: AdapterSetup): void {
  const test = (name: string, run: () => Promise<void>) => Deno.test(`${setup.name}: ${name}`, run);

  for (const [name, faults, tokens] of PAUSES) {
    test(`a pause ${name} is an abort without a status, with all that was sampled`, async () => {
      const request = requestFor("say");
      const [expected] = await truth({}, request);
      const plain = await outputOf(setup, engineOf(setup, { faults }), request);
      const bytes = await streamBytes(setup, engineOf(setup, { faults }), request);
      for (const length of [bytes.length, 50, 1]) {
        const { deltas, outputs, failure } = readStream(setup, bytes, {}, () => length);
        assert.equal(failure, null);
        for (const output of [plain, outputs![0]!]) {
          assert.deepEqual([...output.tokenIds], expected?.ids.slice(0, tokens));
          assert.deepEqual([...output.logprobs], expected?.logprobs.slice(0, tokens));
          assert.equal(output.inconsistency, null);
          assert.ok(isPauseAbort(output.finishReason));
        }
        const [{ text: _, ...told }] = joined(deltas) as [ReturnType<typeof plainOf>];
        const { text: __, ...output } = plainOf(outputs![0]!);
        assert.deepEqual(told, output);
      }
    });
  }

  for (const status of [400, 503, 507]) {
    test(`an abort with status ${status} is an error, not a pause`, async () => {
      const faults = { abortWithStatus: { next: 1, afterTokens: 3, status, message: "out of memory" } };
      const reply = await ask(setup, engineOf(setup, { faults }), requestFor("say"));
      if (reply.kind === "error") assert.deepEqual([reply.status, reply.message], [status, "out of memory"]);
      else {
        assert.equal(reply.outputs[0]?.finishReason?.type, "abort");
        assert.ok(!isPauseAbort(reply.outputs[0]!.finishReason));
      }
      const bytes = await streamBytes(setup, engineOf(setup, { faults }), requestFor("say"));
      const { outputs, failure } = readStream(setup, bytes);
      if (failure !== null) assert.match(failure, /out of memory/);
      else assert.equal(outputs?.[0]?.finishReason?.statusCode, status);
    });
  }

  test("each token has the version that sampled it, or none where the engine tells none", async () => {
    const options = {
      faults: { versionBump: { next: 1, afterTokens: 4, version: null } },
      weightVersion: "7",
    };
    const request = requestFor("say", { sampling: { maxTokens: 10 } });
    const expected = [{ tokens: 4, version: 7 }, { tokens: 6, version: 8 }];
    const plain = await outputOf(setup, engineOf(setup, options), request);
    const bytes = await streamBytes(setup, engineOf(setup, options), request);
    const streamed = readStream(setup, bytes, {}, () => 333).outputs![0]!;
    if (!setup.adapter.tellsVersions) {
      assert.deepEqual([plain.versions, streamed.versions], [[], []]);
      assert.deepEqual(stampVersion(plain, 7, 7).versions, [{ tokens: 10, version: 7 }]);
      assert.deepEqual(stampVersion(plain, 7, 8).versions, []);
      return;
    }
    // An older engine tells one version a reply, which a stream tells one a frame.
    const told = setup.engine.reportVersionSpans === false ? [{ tokens: 10, version: 8 }] : expected;
    assert.deepEqual([plain.versions, streamed.versions], [told, expected]);
    assert.deepEqual(stampVersion(streamed, 1, 1), streamed);
  });

  test("a turn goes on after a pause: prompt and partial ids, the rest of the budget", async () => {
    const engine = engineOf(setup, { faults: { abortRunning: { next: 1, afterTokens: 5 } } });
    const request = requestFor("say", { rid: "turn", sampling: { maxTokens: 12, minTokens: 6 } });
    const partial = await outputOf(setup, engine, request);
    const next = resumeRequest(request, partial, "turn/1")!;
    const rest = await outputOf(setup, engine, next);
    const prompt = [...request.inputIds, ...partial.tokenIds];
    const body = engine.state.requests.at(-1)?.body() as JsonObject;
    assert.deepEqual(body.input_ids ?? body.token_ids ?? body.prompt, prompt);
    assert.deepEqual((await truth({}, next))[0]?.ids, [...rest.tokenIds]);
    assert.equal(rest.promptTokens, prompt.length);
    const whole = joinOutputs([partial, rest], request.inputIds.length);
    assert.equal(whole.inconsistency, null);
    assert.deepEqual([...whole.tokenIds], [...partial.tokenIds, ...rest.tokenIds]);
    assert.ok(whole.tokenIds.length <= 12);
    assert.deepEqual(whole.finishReason, rest.finishReason);
  });

  test("an HTTP error of the engine is told in its words", async () => {
    const faults = { httpError: { next: 2, status: 502, message: "no\n  memory" } };
    const engine = engineOf(setup, { faults });
    const expected = { kind: "error", status: 502, message: "no memory" };
    assert.deepEqual(await ask(setup, engine, requestFor("say")), expected);
    const { status, bytes } = await send(setup, engine, requestFor("say", { stream: true }));
    assert.deepEqual(setup.adapter.decode(status, bytes), expected);
    const bad = await ask(setup, engine, requestFor("say", { sampling: { temperature: -1 } }));
    assert.ok(bad.kind === "error" && bad.status === 400 && /temperature/.test(bad.message));
  });

  test("a stream that breaks is a failure, and what came before it has been told", async () => {
    const faults = { errorFrame: { next: 1, afterTokens: 3, message: "scheduler died" } };
    const bytes = await streamBytes(setup, engineOf(setup, { faults }), requestFor("say"));
    const error = readStream(setup, bytes);
    assert.match(error.failure!, /scheduler died/);
    assert.equal(error.outputs, null);
    assert.equal(joined(error.deltas)[0]?.tokenIds.length, 3);

    const whole = await streamBytes(setup, engineOf(setup), requestFor("say"));
    for (const length of [whole.length - 1, whole.length - 14, Math.floor(whole.length / 2), 0]) {
      const { failure, outputs } = readStream(setup, whole.subarray(0, length));
      assert.match(failure!, /ended before \[DONE\]/);
      assert.equal(outputs, null);
    }
  });
}
