/**
 * Process: a chat gateway as one writes it in an afternoon: each turn renders and encodes the whole conversation and sends the
 * ids. Same server, same tokenizer, same template, same engine as the router's; it keeps nothing and checks nothing.
 *
 * @module
 */
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import { parseJson } from "../../src/tokenizer/parse_json.ts";
import { childSettings, serveUntilReleased } from "./child.ts";

/** Settings of this process. */
export interface NaiveSettings {
  readonly upstream: string;
  readonly tokenizer: string;
}

const { upstream, tokenizer: path } = childSettings<NaiveSettings>();
const { tokenizer, chatTemplate } = await loadTokenizer(path, { worker: false });

async function complete(request: Request): Promise<Response> {
  const body = parseJson(await request.text()) as { messages: unknown[]; max_tokens: number };
  const prompt = chatTemplate!.render({ messages: body.messages, add_generation_prompt: true });
  const ids = tokenizer.encode(prompt);
  const reply = await fetch(`${upstream}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      input_ids: Array.from(ids),
      sampling_params: { max_new_tokens: Number(body.max_tokens) },
      return_logprob: true,
    }),
  });
  const { text, meta_info: meta } = await reply.json();
  return Response.json({
    object: "chat.completion",
    choices: [{
      index: 0,
      message: { role: "assistant", content: text },
      finish_reason: meta.finish_reason.type,
    }],
    usage: { prompt_tokens: ids.length, completion_tokens: meta.completion_tokens },
  });
}

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, complete);

await serveUntilReleased(`http://127.0.0.1:${server.addr.port}`, () => server.shutdown());
