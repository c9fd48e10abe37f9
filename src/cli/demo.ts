/**
 * `slime-router demo`: a conversation through a router and two simulated engines, token by token.
 *
 * @module
 */
import { untilStopSignal } from "../platform/signals.ts";
import { converse, type Transcript, type Turn } from "./demo/conversation.ts";
import { type Codec, findings, tokenRows } from "./demo/findings.ts";
import type { Look } from "./demo/table.ts";
import { loadDemoTokenizer, openTheatre, type Theatre } from "./demo/theatre.ts";
import {
  cacheLines,
  curlLines,
  findingLines,
  heading,
  splitLines,
  tokenTable,
  turnLines,
} from "./demo/view.ts";
import type { CliIo } from "./io.ts";
import { type DemoOptions, EXIT } from "./program.ts";
import { shutDown, startLogging } from "./serve.ts";

/**
 * Plays the conversation, shows it, and serves on until a signal comes; with `once`, ends.
 *
 * @returns the exit code: 1 when what was seen is not what the router promises
 */
export async function demo({ port, once }: DemoOptions, io: CliIo): Promise<number> {
  // Not the template's certificate: it speaks of chats, and the conversation shown is none.
  await using _logging = await startLogging({ logFormat: "pretty", logLevel: "error" }, io);
  const look: Look = { rich: io.outIsTerminal && io.env.NO_COLOR === undefined };
  io.out(heading("slime-router demo", look));
  io.out("Loading Qwen3's tokenizer, a moment … ");
  const startedMs = performance.now();
  const loaded = await loadDemoTokenizer();
  const { tokenizer } = loaded;
  io.out(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s (${tokenizer.backend})\n`);

  const theatre = await openTheatre(loaded, port);
  io.out(`slime-router listening on ${theatre.routerUrl}\n`);
  theatre.engineUrls.forEach((url, index) => io.out(`  engine ${index + 1} on ${url}\n`));
  const holds = await play(theatre, tokenizer, look, io);
  if (!once && holds) {
    io.out(heading("Still serving: try these, end with Ctrl-C", look));
    io.out(curlLines(theatre.routerUrl));
    await untilStopSignal();
  }
  await shutDown(theatre.router, theatre.served, once ? "the end of the demo" : "a signal");
  await theatre.closeEngines();
  return holds ? EXIT.ok : EXIT.failure;
}

async function play(theatre: Theatre, codec: Codec, look: Look, io: CliIo): Promise<boolean> {
  io.out(heading("Two turns over POST /generate, the weights updated in between", look));
  let number = 0;
  const showTurn = (turn: Turn) => io.out(turnLines(++number, turn, look));
  const transcript = await converse(theatre, showTurn);
  return show(transcript, codec, look, io);
}

function show(transcript: Transcript, codec: Codec, look: Look, io: CliIo): boolean {
  io.out(heading("The conversation as POST /retrieve_from_text tells it, token by token", look));
  io.out(tokenTable(tokenRows(transcript, codec), look));
  io.out(heading("Sampled splits that encoding the text would not give", look));
  io.out(splitLines(transcript.turns, codec));
  io.out(heading("What holds", look));
  const found = findings(transcript, codec);
  io.out(findingLines(found, look));
  io.out(heading("GET /metrics, cache", look));
  io.out(cacheLines(transcript.cache));
  return found.every(({ holds }) => holds);
}
