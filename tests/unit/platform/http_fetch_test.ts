import assert from "node:assert/strict";
import {
  createHttpFetch,
  type HttpFetch,
  STALE_CONNECTION_MS,
} from "../../../src/platform/http/http_fetch.ts";
import { FakeStream } from "./fake_stream.ts";

const URL_GENERATE = "http://worker:1/generate?x=1";
const POST = { method: "POST", body: "{}", redirect: "manual" } as const;

interface Setup extends HttpFetch {
  readonly streams: FakeStream[];
  readonly fellBack: string[];
}

/** A client whose connections do as `onWrite` says. */
function setUp(
  onWrite: (stream: FakeStream, text: string, count: number) => void,
  nowMs: () => number = () => 0,
): Setup {
  const streams: FakeStream[] = [];
  const fellBack: string[] = [];
  const client = createHttpFetch({
    open: () => {
      const stream = new FakeStream((self, text) => onWrite(self, text, streams.length));
      streams.push(stream);
      return Promise.resolve(stream);
    },
    nowMs,
    fallback: (input) => {
      fellBack.push(String(input instanceof Request ? input.url : input));
      return Promise.resolve(new Response("fallback"));
    },
  });
  return { ...client, streams, fellBack };
}

const REPLIES: readonly {
  what: string;
  reply: string;
  body: string;
  status?: number;
  reused: boolean;
  ends?: boolean;
}[] = [
  {
    what: "a known length",
    reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    body: "hello",
    reused: true,
  },
  {
    what: "length 0",
    reply: "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n",
    body: "",
    status: 404,
    reused: true,
  },
  { what: "no reason phrase", reply: "HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", body: "x", reused: true },
  { what: "no content", reply: "HTTP/1.1 204 No Content\r\n\r\n", body: "", status: 204, reused: true },
  {
    what: "chunks, an extension, a trailer",
    reply:
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nhell\r\n1\r\no\r\n0\r\nX-T: 1\r\n\r\n",
    body: "hello",
    reused: true,
  },
  {
    what: "connection: close",
    reply: "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi",
    body: "hi",
    reused: false,
  },
  { what: "HTTP/1.0", reply: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", body: "hi", reused: false },
  {
    what: "a body up to the end",
    reply: "HTTP/1.1 200 OK\r\n\r\nhi there",
    body: "hi there",
    reused: false,
    ends: true,
  },
  {
    what: "interim replies",
    reply:
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    body: "x",
    reused: true,
  },
];

for (const { what, reply, body, status = 200, reused, ends = false } of REPLIES) {
  Deno.test(`createHttpFetch() reads a reply with ${what}, cut anywhere`, async () => {
    for (let cut = 0; cut <= reply.length; cut++) {
      const client = setUp((stream) => {
        if (cut > 0) stream.arrive(reply.slice(0, cut));
        queueMicrotask(() => {
          if (cut < reply.length) stream.arrive(reply.slice(cut));
          if (ends) stream.end();
        });
      });
      for (let request = 0; request < 2; request++) {
        const response = await client.fetch(URL_GENERATE, POST);
        assert.equal(response.status, status);
        assert.equal(await response.text(), body, `cut at ${cut}`);
      }
      assert.equal(client.streams.length, reused ? 1 : 2, `cut at ${cut}`);
      client.close();
    }
  });
}

Deno.test("createHttpFetch() gives a chunked body of every byte, cut into single bytes", async () => {
  const bytes = Uint8Array.from({ length: 40_000 }, (_, i) => i % 251);
  const client = setUp((stream) => {
    stream.arrive("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (let at = 0; at < bytes.length; at += 20_000) {
      stream.arrive("4e20\r\n");
      stream.arrive(bytes.subarray(at, at + 20_000));
      for (const char of "\r\n") stream.arrive(char);
    }
    for (const char of "0\r\n\r\n") stream.arrive(char);
  });
  const response = await client.fetch(URL_GENERATE, POST);
  assert.deepEqual(await response.bytes(), bytes);
  client.close();
});

Deno.test("createHttpFetch() streams a long reply of known length", async () => {
  const length = 3 * 1024 * 1024;
  const client = setUp((stream) => {
    stream.arrive(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`);
    stream.arrive(new Uint8Array(length).fill(7));
  });
  const response = await client.fetch(URL_GENERATE, POST);
  const bytes = await response.bytes();
  assert.equal(bytes.length, length);
  assert.ok(bytes.every((byte) => byte === 7));
  client.close();
});

Deno.test("createHttpFetch() writes method, target, host, headers and body as given, its own framing headers once", async () => {
  const client = setUp((stream) => stream.arrive("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  const headers = new Headers({ "x-a": "é", connection: "close", host: "other", "content-length": "9" });
  await client.fetch("http://worker:81/a%20b?q=%C3%A9&r", {
    method: "PUT",
    headers,
    body: "hé",
    redirect: "manual",
  });
  await client.fetch("http://worker:81", { redirect: "manual" });
  assert.deepEqual(client.streams[0]?.written, [
    "PUT /a%20b?q=%C3%A9&r HTTP/1.1\r\nhost: worker:81\r\nx-a: é\r\ncontent-length: 3\r\n\r\nhÃ©",
    "GET / HTTP/1.1\r\nhost: worker:81\r\n\r\n",
  ]);
  client.close();
});

for (
  const [name, value] of [["x", "a\r\ny: b"], ["x\r\n", "a"], ["x", "a\0"], ["a b", "c"], [
    "x",
    "日",
  ]] as const
) {
  Deno.test(`createHttpFetch() refuses to send the header ${JSON.stringify([name, value])}`, async () => {
    const client = setUp(() => {});
    await assert.rejects(client.fetch(URL_GENERATE, { ...POST, headers: [[name, value]] }), TypeError);
    assert.equal(client.streams.length, 0);
  });
}

const MALFORMED: readonly (readonly [what: string, reply: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n"],
  ["two lengths that differ", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"],
  [
    "a length and chunks",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
  ["an unknown transfer coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"],
  ["a header without colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
  ["a folded header", "HTTP/1.1 200 OK\r\na: b\r\n c: d\r\n\r\n"],
  ["a status out of range", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"],
  ["an upgrade", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
  ["a coding nobody asked for", "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx"],
  ["a head without end", `HTTP/1.1 200 OK\r\na: ${"x".repeat(20_000)}`],
];
for (const [what, reply] of MALFORMED) {
  Deno.test(`createHttpFetch() rejects a reply with ${what} and drops the connection`, async () => {
    const client = setUp((stream) => stream.arrive(reply));
    await assert.rejects(client.fetch(URL_GENERATE, POST), { name: "HttpFormatError" });
    assert.ok(client.streams[0]?.isClosed);
  });
}

for (
  const [what, chunks] of [["no number", "zz\r\n"], ["too long", "2\r\nabcd\r\n"], [
    "cut off",
    "5\r\nab",
  ]] as const
) {
  Deno.test(`createHttpFetch() fails a body whose chunk is ${what}`, async () => {
    const client = setUp((stream) => {
      stream.arrive(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`);
      stream.end();
    });
    const response = await client.fetch(URL_GENERATE, POST);
    await assert.rejects(response.bytes());
    assert.ok(client.streams[0]?.isClosed);
  });
}

Deno.test("createHttpFetch() undoes gzip that nobody asked for", async () => {
  const packed = await new Response(
    new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  const client = setUp((stream) => {
    stream.arrive(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`);
    stream.arrive(packed);
  });
  const response = await client.fetch(URL_GENERATE, POST);
  assert.equal(response.headers.get("content-encoding"), null);
  assert.equal(response.headers.get("content-length"), null);
  assert.equal(await response.text(), "hello");
  client.close();
});

Deno.test("workerFetch() hands over a whole reply as what a Response of it would be", async () => {
  const head = "Content-Type: a/b\r\nX-Twice: 1\r\nx-twice: 2\r\ncontent-length: 5\r\n\r\nhello";
  for (const status of [200, 299, 300, 503]) {
    const client = setUp((stream) => stream.arrive(`HTTP/1.1 ${status} X\r\n${head}`));
    const reply = await client.workerFetch(URL_GENERATE, POST);
    assert.ok(!(reply instanceof Response));
    const response = await client.fetch(URL_GENERATE, POST);
    assert.ok(response instanceof Response);
    assert.equal(reply.status, response.status);
    assert.equal(reply.ok, response.ok);
    for (const name of ["content-type", "X-Twice", "content-length", "absent"]) {
      assert.equal(reply.headers.get(name), response.headers.get(name), name);
    }
    const headers = new Headers();
    reply.headers.forEach((value, name) => headers.append(name, value));
    assert.deepEqual([...headers], [...response.headers]);
    assert.equal(await new Response(reply.body).text(), "hello");
    assert.deepEqual(await reply.bytes(), await response.bytes());
    client.close();
  }
});

Deno.test("workerFetch() hands over a stream to be read as it comes; to let go of one read to its end ends nothing", async () => {
  const client = setUp((stream) => {
    stream.arrive("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.arrive("2\r\nab\r\n");
    stream.arrive("1\r\nc\r\n0\r\n\r\n");
  });
  for (let request = 0; request < 2; request++) {
    const reply = await client.workerFetch(URL_GENERATE, POST);
    assert.equal(reply.headers.get("Content-Type"), "text/event-stream");
    const reader = reply.reader?.();
    const pieces: string[] = [];
    for (let value; (value = (await reader?.read())?.value) !== undefined;) {
      pieces.push(new TextDecoder().decode(value));
    }
    assert.deepEqual(pieces, ["ab", "c"]);
    // The connection is another request's by now.
    await reader?.cancel();
    assert.deepEqual(await reader?.read(), {});
  }
  assert.equal(client.streams.length, 1);
  const third = (await client.workerFetch(URL_GENERATE, POST)).reader?.();
  await third?.cancel();
  assert.ok(client.streams[0]?.isClosed);
  client.close();
});

Deno.test("createHttpFetch() sends anew when an idle connection ended under the request, and only then", async () => {
  const client = setUp((stream, _, count) => {
    if (count === 1 && stream.written.length === 2) stream.end();
    else stream.arrive("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
  });
  assert.equal(await (await client.fetch(URL_GENERATE, POST)).text(), "x");
  assert.equal(await (await client.fetch(URL_GENERATE, POST)).text(), "x");
  assert.equal(client.streams.length, 2);
  client.close();

  const dead = setUp((stream) => stream.end());
  await assert.rejects(dead.fetch(URL_GENERATE, POST), { name: "ConnectionEndedError" });
  assert.equal(dead.streams.length, 1);
});

Deno.test("createHttpFetch() sends once when a reused connection ends after the worker had the request for a while", async () => {
  let nowMs = 0;
  const client = setUp((stream) => {
    if (stream.written.length === 1) return stream.arrive("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
    nowMs += STALE_CONNECTION_MS + 1;
    stream.end();
  }, () => nowMs);
  assert.equal(await (await client.fetch(URL_GENERATE, POST)).text(), "x");
  await assert.rejects(client.fetch(URL_GENERATE, POST), {
    name: "ConnectionEndedError",
    message: "Cannot read reply: the connection ended",
  });
  assert.equal(client.streams.length, 1);
  assert.equal(client.streams[0]?.written.length, 2);
  client.close();
});

Deno.test("createHttpFetch() forgets idle connections that the worker ends or misuses", async () => {
  for (
    const spoil of [(stream: FakeStream) => stream.end(), (stream: FakeStream) => stream.arrive("surprise")]
  ) {
    const client = setUp((stream) => stream.arrive("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"));
    await (await client.fetch(URL_GENERATE, POST)).text();
    spoil(client.streams[0] as FakeStream);
    await new Promise((resolve) =>
      queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => resolve(null))))
    );
    await (await client.fetch(URL_GENERATE, POST)).text();
    assert.equal(client.streams.length, 2);
    assert.ok(client.streams[0]?.isClosed);
    client.close();
  }
});

Deno.test("createHttpFetch() takes an answer that comes before the request was read", async () => {
  const client = setUp((stream) => {
    stream.arrive("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
    stream.end();
    throw new Error("Cannot write: connection reset");
  });
  const response = await client.fetch(URL_GENERATE, POST);
  assert.equal(response.status, 413);
  assert.equal(await response.text(), "no");
});

Deno.test("createHttpFetch() ends the connection when the signal aborts: connecting, waiting for a head, in a body", async () => {
  const reason = new Error("the client left");
  for (const when of ["connecting", "waiting for a head", "in a body"]) {
    const abort = new AbortController();
    const client = setUp((stream) => {
      if (when === "in a body") {
        stream.arrive("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
      } else queueMicrotask(() => abort.abort(reason));
    });
    const reply = client.fetch(URL_GENERATE, { ...POST, signal: abort.signal });
    if (when === "connecting") abort.abort(reason);
    if (when === "in a body") {
      const reader = (await reply).body!.getReader();
      assert.equal((await reader.read()).value?.length, 2);
      abort.abort(reason);
      await assert.rejects(reader.read(), reason);
    } else {
      await assert.rejects(reply, reason);
    }
    assert.ok(client.streams[0]?.isClosed, when);
  }
});

Deno.test("createHttpFetch() ends the connection when the body is cancelled", async () => {
  const client = setUp((stream) =>
    stream.arrive("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
  );
  const response = await client.fetch(URL_GENERATE, POST);
  const reader = response.body?.getReader();
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), "hi");
  await reader?.cancel();
  assert.ok(client.streams[0]?.isClosed);
});

Deno.test("createHttpFetch() leaves to the runtime what is not plain", async () => {
  const client = setUp(() => {});
  await client.fetch("https://worker/x", POST);
  await client.fetch("http://worker/x", { method: "POST", body: "{}" });
  await client.fetch("http://worker/x", { ...POST, body: new Blob(["{}"]).stream() });
  await client.fetch("http://user:secret@worker/x", POST);
  await client.fetch("http://worker/ä", POST);
  await client.fetch(new Request("http://worker/y"));
  assert.equal(client.fellBack.length, 6);
  assert.equal(client.streams.length, 0);
});
