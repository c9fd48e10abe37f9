import assert from "node:assert/strict";
import { isAllowedHost, normalizeWorkerUrl, WORKER_URL_MAX_UNITS } from "../../../src/worker/worker_url.ts";

const ACCEPTED: [input: string, url: string][] = [
  ["http://gpu-3:30000", "http://gpu-3:30000"],
  ["http://gpu-3:30000/", "http://gpu-3:30000"],
  ["http://gpu-3:30000///", "http://gpu-3:30000"],
  ["  HTTP://GPU-3:80 ", "http://gpu-3"],
  ["https://Gpu.Example:443/", "https://gpu.example"],
  ["https://gpu:80", "https://gpu:80"],
  ["http://gpu/Base/Path/", "http://gpu/Base/Path"],
  ["http://gpu/a/../b", "http://gpu/b"],
  ["http://0x7f.1:30000", "http://127.0.0.1:30000"],
  ["http://[::1]:30000/", "http://[::1]:30000"],
  ["http://[0:0::1]", "http://[::1]"],
  ["http://gpu/v1@2", "http://gpu/v1@2"],
];

for (const [input, url] of ACCEPTED) {
  Deno.test(`normalizeWorkerUrl() spells ${JSON.stringify(input)} as ${url}`, () => {
    assert.equal(normalizeWorkerUrl(input), url);
    assert.equal(normalizeWorkerUrl(url), url);
  });
}

const REFUSED: [input: unknown, message: string][] = [
  [undefined, "Cannot add worker: url must be a string, received undefined"],
  [null, "Cannot add worker: url must be a string, received null"],
  [30000, "Cannot add worker: url must be a string, received number"],
  [["http://gpu"], "Cannot add worker: url must be a string, received an array"],
  [{}, "Cannot add worker: url must be a string, received an object"],
  ["", "Cannot add worker: url is empty"],
  ["  ", "Cannot add worker: url is empty"],
  ["gpu-3", 'Cannot add worker: url must be http(s), received "gpu-3"'],
  ["gpu-3:30000", 'Cannot add worker: url must be http(s), received "gpu-3:30000"'],
  ["ftp://gpu-3/x", 'Cannot add worker "gpu-3": url must be http(s), received "ftp://gpu-3/x"'],
  ["file:///etc/passwd", 'Cannot add worker: url must be http(s), received "file:///etc/passwd"'],
  ["http:gpu", 'Cannot add worker "gpu": url must be an absolute http(s) URL, received "http:gpu"'],
  ["http://", 'Cannot add worker: url must be an absolute http(s) URL, received "http://"'],
  ["http://gpu:99999", 'Cannot add worker: url must be an absolute http(s) URL, received "http://gpu:99999"'],
  ["http://g\npu", 'Cannot add worker "gpu": url must be an absolute http(s) URL, received "http://g\\npu"'],
  [
    "http://gpu/?a=1",
    'Cannot add worker "gpu": url must not carry a query or fragment, received "http://gpu/?…"',
  ],
  [
    "http://gpu/?",
    'Cannot add worker "gpu": url must not carry a query or fragment, received "http://gpu/?"',
  ],
  [
    "http://gpu#x",
    'Cannot add worker "gpu": url must not carry a query or fragment, received "http://gpu#…"',
  ],
];

for (const [input, message] of REFUSED) {
  Deno.test(`normalizeWorkerUrl() refuses ${JSON.stringify(input)}`, () => {
    assert.throws(() => normalizeWorkerUrl(input), { name: "TypeError", message });
  });
}

const SECRETS = [
  "http://user:hunter2@gpu",
  "http://:hunter2@gpu",
  "http://user:pass/hunter2@gpu:99999",
  "user:hunter2@gpu:80",
  "ftp://hunter2@gpu",
  "http://gpu?key=hunter2",
];

for (const input of SECRETS) {
  Deno.test(`normalizeWorkerUrl() refuses ${input} without repeating the secret`, () => {
    assert.throws(() => normalizeWorkerUrl(input), (error: Error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(!error.message.includes("hunter2"), error.message);
      return true;
    });
  });
}

Deno.test("normalizeWorkerUrl() refuses an address over the bound, and quotes only the beginning of a long one", () => {
  const tooLong = `http://gpu/${"x".repeat(WORKER_URL_MAX_UNITS)}`;
  assert.throws(() => normalizeWorkerUrl(tooLong), {
    name: "TypeError",
    message: /longer than 2048 characters/,
  });
  const bad = `ftp://gpu/${"x".repeat(1000)}`;
  assert.throws(() => normalizeWorkerUrl(bad), (error: Error) => error.message.length < 300);
});

const HOSTS: [url: string, patterns: string[] | null, allowed: boolean][] = [
  ["http://gpu-3:30000", null, true],
  ["http://gpu-3:30000", [], false],
  ["http://gpu-3:30000", ["gpu-3"], true],
  ["http://gpu-3:30000", ["GPU-3 "], true],
  ["http://gpu-3:30000", ["gpu-3:30000"], true],
  ["http://gpu-3:30000", ["gpu-3:30001"], false],
  ["http://gpu-30:30000", ["gpu-3"], false],
  ["http://gpu-3", ["gpu-3:80"], true],
  ["https://gpu-3", ["gpu-3:80"], false],
  ["https://gpu-3", ["gpu-3:443"], true],
  ["http://a.gpu.example", ["*.gpu.example"], true],
  ["http://b.a.gpu.example:9", ["*.gpu.example"], true],
  ["http://b.a.gpu.example:9", ["*.gpu.example:8"], false],
  ["http://gpu.example", ["*.gpu.example"], false],
  ["http://evilgpu.example", ["*.gpu.example"], false],
  ["http://gpu.example.evil", ["*.gpu.example", "gpu.example"], false],
  ["http://10.0.0.1:30000", ["10.0.0.1"], true],
  ["http://10.0.0.11:30000", ["10.0.0.1"], false],
  ["http://10.0.0.1", ["*.0.0.1"], false],
  ["http://[::1]:30000", ["::1"], true],
  ["http://[::1]:30000", ["[::1]"], true],
  ["http://[::1]:30000", ["[0:0::1]:30000"], true],
  ["http://[::1]:30000", ["[::1]:30001"], false],
  ["http://[::2]:30000", ["::1"], false],
  ["http://gpu", ["", "*.", "*", ":80"], false],
  ["http://b", ["a", "b"], true],
];

for (const [url, patterns, allowed] of HOSTS) {
  Deno.test(`isAllowedHost() ${allowed ? "allows" : "refuses"} ${url} by ${JSON.stringify(patterns)}`, () => {
    assert.equal(isAllowedHost(url, patterns), allowed);
  });
}
