import assert from "node:assert/strict";
import { ComponentNotFoundError } from "../../../src/errors.ts";
import { ComponentRegistry } from "../../../src/registry.ts";

/** A registry of components that write down when they are destroyed. */
function witnessed(...names: string[]) {
  const registry = new ComponentRegistry();
  const log: string[] = [];
  for (const name of names) registry.register(name, { name }, (component) => void log.push(component.name));
  return { registry, log };
}

const fail = (message: string) => () => {
  throw new Error(message);
};

Deno.test("register() keeps the very instance, whatever it is", () => {
  const registry = new ComponentRegistry();
  const instances: [string, unknown][] = [
    ["object", { a: 1 }],
    ["function", () => 1],
    ["zero", 0],
    ["empty text", ""],
    ["false", false],
    ["__proto__", { b: 2 }],
  ];
  for (const [name, instance] of instances) registry.register(name, instance);
  for (const [name, instance] of instances) assert.equal(registry.get(name), instance);
  assert.deepEqual(registry.list(), instances.map(([name]) => name));
});

Deno.test("register() refuses a bad name, instance or onDestroy with a TypeError, and changes nothing", () => {
  const { registry, log } = witnessed("kept");
  const cases: [unknown, unknown, unknown, RegExp][] = [
    ["", {}, undefined, /name must be a non-empty string, received ""/],
    [null, {}, undefined, /name must be a non-empty string, received null/],
    [undefined, {}, undefined, /received undefined/],
    [7, {}, undefined, /received 7/],
    ["kept", null, undefined, /Cannot register component "kept": instance is null/],
    ["kept", undefined, undefined, /instance is undefined/],
    ["kept", {}, "no function", /onDestroy must be a function/],
  ];
  for (const [name, instance, onDestroy, message] of cases) {
    assert.throws(
      () => registry.register(name as string, instance, onDestroy as () => void),
      (error: Error) => error instanceof TypeError && message.test(error.message),
    );
  }
  assert.deepEqual(registry.list(), ["kept"]);
  assert.deepEqual(log, []);
});

Deno.test("register() of a known name destroys the old component before the new one stands", () => {
  const registry = new ComponentRegistry();
  const seen: unknown[] = [];
  const old = { age: "old" };
  registry.register("cache", old, (component) => void seen.push(component, registry.get("cache")));
  registry.register("other", 1);
  registry.register("cache", { age: "new" });
  assert.deepEqual(seen, [old, old]);
  assert.deepEqual(registry.get("cache"), { age: "new" });
  assert.deepEqual(registry.list(), ["cache", "other"]);
});

Deno.test("register() replaces even when the old component's onDestroy throws, and tells", () => {
  const registry = new ComponentRegistry();
  registry.register("cache", 1, fail("stuck"));
  assert.throws(() => registry.register("cache", 2), /stuck/);
  assert.equal(registry.get("cache"), 2);
  assert.equal(registry.stats().destroyErrors, 1);
});

Deno.test("get() of a missing name lists what there is", () => {
  const { registry } = witnessed("tokenizer", "metrics");
  assert.throws(
    () => registry.get("radix_tree"),
    (error: Error) =>
      error instanceof ComponentNotFoundError &&
      error.message === 'Cannot get component "radix_tree": not registered; there is "tokenizer", "metrics"',
  );
  assert.throws(() => new ComponentRegistry().get("x"), /there is none/);
  assert.throws(() => registry.get("toString"), ComponentNotFoundError);
});

Deno.test("has() and remove() tell whether there was one", () => {
  const { registry, log } = witnessed("a");
  assert.equal(registry.has("a"), true);
  assert.equal(registry.has("b"), false);
  assert.equal(registry.remove("b"), false);
  assert.equal(registry.remove("a"), true);
  assert.equal(registry.has("a"), false);
  assert.equal(registry.remove("a"), false);
  assert.deepEqual(log, ["a"], "destroyed once");
});

Deno.test("remove() forgets the component even when its onDestroy throws", () => {
  const registry = new ComponentRegistry();
  registry.register("a", 1, fail("stuck"));
  assert.throws(() => registry.remove("a"), /stuck/);
  assert.equal(registry.has("a"), false);
  assert.deepEqual(registry.list(), []);
});

Deno.test("clear() destroys all, the youngest first", () => {
  const { registry, log } = witnessed("a", "b", "c");
  registry.clear();
  assert.deepEqual(log, ["c", "b", "a"]);
  assert.deepEqual(registry.list(), []);
  registry.clear();
  assert.deepEqual(log, ["c", "b", "a"]);
});

Deno.test("clear() goes on past an onDestroy that throws, and tells all that failed", () => {
  const { registry, log } = witnessed("a");
  registry.register("b", 1, fail("b stuck"));
  registry.register("c", 1, fail("c stuck"));
  assert.throws(() => registry.clear(), (error: AggregateError) => {
    assert.deepEqual(error.errors.map((each: Error) => each.message), ["c stuck", "b stuck"]);
    return true;
  });
  assert.deepEqual(log, ["a"]);
  assert.deepEqual(registry.list(), []);
  registry.register("d", 1, fail("d stuck"));
  assert.throws(() => registry.clear(), /^Error: d stuck/);
});

Deno.test("settled() waits for asynchronous ends and tells those that failed, once", async () => {
  const registry = new ComponentRegistry();
  const gate = Promise.withResolvers<void>();
  let ended = false;
  registry.register("slow", 1, () => gate.promise.then(() => void (ended = true)));
  registry.register("bad", 1, () => Promise.reject(new Error("late")));
  registry.clear();
  const settled = registry.settled();
  gate.resolve();
  await assert.rejects(settled, /late/);
  assert.equal(ended, true);
  await registry.settled();
  assert.equal(registry.stats().destroyErrors, 1);
});

Deno.test("an onDestroy may use the registry", () => {
  const registry = new ComponentRegistry();
  registry.register("a", 1, () => registry.register("b", 2));
  registry.remove("a");
  assert.deepEqual(registry.list(), ["b"]);
});

Deno.test("stats() counts what is there and what was destroyed", () => {
  const { registry } = witnessed("a", "b");
  registry.register("a", {});
  registry.remove("b");
  assert.deepEqual(registry.stats(), {
    components: 1,
    names: ["a"],
    registered: 3,
    destroyed: 2,
    destroyErrors: 0,
  });
});
