import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { configureLogging, type LoggingOptions } from "../../../src/observability/logger.ts";

/** What `write` logs under these options, line by line. */
async function logged(options: Omit<LoggingOptions, "stream">, write: () => void): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  const stream = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
  {
    await using _logging = await configureLogging({ ...options, stream });
    write();
  }
  assert.equal(stream.locked, false, "the stream is given back");
  const text = new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
  return text.split("\n").filter((line) => line !== "");
}

const log = getLogger(["slime-router", "test"]);

Deno.test("configureLogging() json writes one object a line with its properties", async () => {
  const lines = await logged({ format: "json", level: "info" }, () => {
    log.info("Worker {url} is up", { url: "http://a:1", tries: 3 });
    log.warn("two\nlines");
  });
  const [first, second] = lines.map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.equal(first.level, "INFO");
  assert.equal(first.logger, "slime-router.test");
  assert.equal(first.message, "Worker http://a:1 is up");
  assert.equal(first.url, "http://a:1");
  assert.equal(first.tries, 3);
  assert.equal(second.message, "two\nlines");
});

Deno.test("configureLogging() pretty writes time, level, message and the other properties", async () => {
  const [line, colored] = [
    await logged(
      { format: "pretty", level: "info" },
      () => log.error("Worker {url} is down", { url: "http://a:1", tries: 3, cause: new Error("no\nroute") }),
    ),
    await logged({ format: "pretty", level: "info", color: true }, () => log.error("down")),
  ];
  assert.match(
    line[0]!,
    /^\d\d:\d\d:\d\d\.\d{3} ERROR {3}Worker http:\/\/a:1 is down tries=3 cause="Error: no\\nroute"$/,
  );
  assert.ok(!line[0]!.includes("\u001b"));
  assert.ok(colored[0]!.includes("\u001b[31mERROR"));
});

Deno.test("configureLogging() pretty escapes control characters of what clients send", async () => {
  const lines = await logged(
    { format: "pretty", level: "info" },
    () => log.info("path {path}", { path: "/\u001b[2J\nfake 12:00 INFO" }),
  );
  assert.equal(lines.length, 1);
  assert.ok(!lines[0]!.includes("\u001b"));
});

Deno.test("configureLogging() leaves out what is below the level", async () => {
  const levels = { debug: 4, info: 3, warning: 2, error: 1 } as const;
  for (const [level, count] of Object.entries(levels)) {
    const lines = await logged({ format: "json", level: level as keyof typeof levels }, () => {
      log.debug("d");
      log.info("i");
      log.warn("w");
      log.error("e");
    });
    assert.equal(lines.length, count, level);
  }
});
