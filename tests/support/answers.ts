/**
 * Replies as tests look at them.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";

/** Longest sentence that an error may be: what was received is cut, whatever its length. */
export const ERROR_UNITS_MAX = 600;

/** A reply, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: JsonObject;
}

/** Reads a reply whole. The body must be JSON. */
export async function answerOf(reply: Response | Promise<Response>): Promise<Answer> {
  const { status, headers } = await reply;
  const text = await (await reply).text();
  return { status, headers, text, body: text === "" ? {} : JSON.parse(text) };
}

/** The sentence of an error reply: the router's `{error}`, or OpenAI's `{error: {message}}` on the paths of its chat. */
export function messageOf({ error }: JsonObject): unknown {
  return typeof error === "object" && error !== null && !Array.isArray(error) ? error.message : error;
}

/** Asserts that a reply is an error and nothing else: one short sentence, with the status wanted. */
export async function assertRefused(
  reply: Response | Promise<Response>,
  status: number,
  says: RegExp = /^Cannot /,
): Promise<string> {
  const answer = await answerOf(reply);
  assert.equal(answer.status, status, answer.text.slice(0, ERROR_UNITS_MAX));
  assert.deepEqual(Object.keys(answer.body), ["error"]);
  const error = messageOf(answer.body);
  assert.equal(typeof error, "string");
  assert.match(error as string, says);
  assert.ok((error as string).length <= ERROR_UNITS_MAX, `${(error as string).length} units: ${error}`);
  assert.ok(!(error as string).includes("\n"), "one line");
  return error as string;
}
