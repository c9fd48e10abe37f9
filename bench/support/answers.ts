/**
 * Checks of the router benchmark: a wrong answer ends the run, so that no bug reads as speed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { RawConnection, type RawReply } from "./http_client.ts";
import type { StubReport } from "./stub_upstream.ts";

const decoder = new TextDecoder();

/** A check that a reply is 200 and has exactly the bytes of `expected`. */
export function expectReply(expected: Uint8Array): (reply: RawReply) => void {
  return function check({ status, body }) {
    if (status !== 200) {
      throw new Error(`Cannot go on: status ${status}, ${decoder.decode(body).slice(0, 300)}`);
    }
    if (body.length !== expected.length || Buffer.compare(body, expected) !== 0) {
      throw new Error(`Cannot go on: the reply has ${body.length} bytes and is not the upstream's`);
    }
  };
}

/** What the stub has seen. */
export async function stubReport(url: string): Promise<StubReport> {
  return await (await fetch(`${url}/bench`)).json();
}

/** Sends one request. */
export async function sendOnce(port: number, bytes: Uint8Array): Promise<RawReply> {
  using connection = await RawConnection.open(port);
  return await connection.request(bytes);
}

/** The upstream received the client's own body. */
export function expectSameBody(received: string, sent: Uint8Array): void {
  const whole = decoder.decode(sent);
  const body = whole.slice(whole.indexOf("\r\n\r\n") + 4);
  if (received !== body) throw new Error(`Cannot go on: the upstream received ${received.slice(0, 300)}`);
}

/** The upstream received ids that stand for exactly `text`, no text, and was asked for logprobs. */
export function expectIds(received: string, text: string, tokenizer: Tokenizer): void {
  const body = JSON.parse(received) as Record<string, unknown>;
  const ids = body.input_ids;
  const isRight = Array.isArray(ids) && !("text" in body) && body.return_logprob === true &&
    tokenizer.decode(ids as number[]) === text && ids.length === tokenizer.encode(text).length;
  if (!isRight) throw new Error(`Cannot go on: the upstream received ${received.slice(0, 300)}`);
}
