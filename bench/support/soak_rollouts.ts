/**
 * Days of rollouts in minutes: chat sessions that begin, grow, are exported and removed, or are left behind.
 *
 * @module
 */
import type { NativeExport } from "../../src/trajectory/export/mod.ts";
import { postBytes, RawConnection } from "./http_client.ts";

/** What a load of rollouts does. */
export interface RolloutOptions {
  readonly port: number;
  /** Rollouts to play, `first` the number of the first. */
  readonly first: number;
  readonly count: number;
  /** Agents at once. */
  readonly agents: number;
  /** Called once, when half of the rollouts have begun; they go on meanwhile. */
  readonly midway: () => Promise<void>;
}

/** What it saw. */
export interface RolloutReport {
  readonly turns: number;
  /** Tokens of rows that were exported, and how many of them were sampled. */
  readonly tokens: number;
  readonly sampled: number;
}

const TURNS = 4;
const REPLY_TOKENS_MAX = 48;
/** One in so many rollouts leaves in the middle of its last reply. */
const LEAVES_ONE_IN = 20;
/** One in so many is never exported nor removed: the router's bounds must deal with it. */
const FORGETS_ONE_IN = 4;
/** Bytes of a stream after which an agent that leaves does so. */
const LEAVES_AFTER_BYTES = 400;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Plays rollouts. @throws Error when a reply or a row is not as it must be */
export async function playRollouts(options: RolloutOptions): Promise<RolloutReport> {
  const { port, first, count, agents, midway } = options;
  const report = { turns: 0, tokens: 0, sampled: 0 };
  const middle = first + Math.floor(count / 2);
  let next = first;
  let update: Promise<void> | undefined;
  await Promise.all(Array.from({ length: agents }, async () => {
    using connection = await RawConnection.open(port);
    while (next < first + count) {
      if (next === middle) update = midway();
      const row = await playOne(connection, port, next++);
      report.turns += TURNS;
      report.tokens += row.tokens;
      report.sampled += row.sampled;
    }
  }));
  await update;
  return report;
}

async function playOne(connection: RawConnection, port: number, index: number) {
  const session = `rollout-${index}`;
  const path = `/sessions/${session}/v1/chat/completions`;
  const messages: { role: string; content: string }[] = [
    { role: "system", content: `You are agent ${index} of a long run. Think, call tools, answer.` },
  ];
  for (let turn = 0; turn < TURNS; turn++) {
    messages.push({
      role: "user",
      content: `Turn ${turn} of ${session}: ${"what do you see? ".repeat(turn + 1)}`,
    });
    const body = JSON.stringify({ model: "m", messages, max_tokens: REPLY_TOKENS_MAX, stream: false });
    if (turn === TURNS - 1 && index % LEAVES_ONE_IN === 0) {
      await leave(port, path, body.replace('"stream":false', '"stream":true'));
      continue;
    }
    const { choices } = await ask(connection, path, body) as { choices: { message: { content: string } }[] };
    messages.push({ role: "assistant", content: choices[0]!.message.content });
  }
  if (index % FORGETS_ONE_IN === 1) return { tokens: 0, sampled: 0 };
  const { rows, captured, exported, dropped } = await ask(
    connection,
    `/sessions/${session}/samples`,
    "{}",
  ) as NativeExport;
  const lost = Object.values(dropped).reduce((sum, tokens) => sum + tokens, 0);
  const sampled = rows.reduce(
    (sum, { loss_mask: mask }) => sum + mask.reduce<number>((ones, bit) => ones + bit, 0),
    0,
  );
  if (rows.length === 0 || captured !== exported + lost || sampled !== exported) {
    throw new Error(
      `Cannot use rows of ${session}: ${JSON.stringify({ rows: rows.length, captured, exported, dropped })}`,
    );
  }
  const removed = await fetch(`http://127.0.0.1:${port}/sessions/${session}`, { method: "DELETE" });
  await removed.body?.cancel();
  if (!removed.ok) throw new Error(`Cannot remove ${session}: ${removed.status}`);
  return { tokens: rows.reduce((sum, { tokens }) => sum + tokens.length, 0), sampled };
}

async function ask(connection: RawConnection, path: string, body: string): Promise<unknown> {
  const reply = await connection.request(postBytes(path, encoder.encode(body)));
  const text = decoder.decode(reply.body);
  if (reply.status !== 200) throw new Error(`Cannot use reply: ${reply.status} ${text.slice(0, 200)}`);
  return JSON.parse(text);
}

/** Reads the beginning of a stream and closes the connection. */
async function leave(port: number, path: string, body: string): Promise<void> {
  const left = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body,
    signal: left.signal,
  });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`Cannot use stream: ${response.status}`);
  }
  let bytes = 0;
  try {
    for await (const piece of response.body) {
      bytes += piece.length;
      if (bytes > LEAVES_AFTER_BYTES) left.abort();
    }
  } catch (error) {
    if (!left.signal.aborted) throw error;
  }
}
