import assert from "node:assert/strict";
import { commitTurn } from "../../../src/trajectory/commit_turn.ts";
import { MessageChain } from "../../../src/trajectory/message_chain.ts";
import { planTurn } from "../../../src/trajectory/plan_turn.ts";
import {
  SessionFinishedError,
  SessionLimitError,
  SessionNotFoundError,
} from "../../../src/trajectory/session_errors.ts";
import type { JsonObject } from "../../../src/types.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_tokenizer.ts";
import { assistant, Bench, calling, result, storeOf, user } from "./support/bench.ts";
import { outputOf } from "./support/split_sampler.ts";
import { loadTestTokenizer, planParts } from "./support/templates.ts";

const tokenizer = await loadTestTokenizer();
const parts = planParts(tokenizer, TINY_CHAT_TEMPLATE);
const HI = [user("hi")];
const commitParts = { tokenizer, epochMs: () => 0 };

Deno.test("SessionStore.open() gives the session of an id, or a new one", () => {
  const { store } = storeOf();
  const session = store.open("a", { task: 7 });
  assert.equal(store.open("a"), session);
  assert.equal(store.get("a"), session);
  assert.deepEqual(session.metadata, { task: 7 });
  assert.notEqual(store.open().id, store.open().id);
  assert.equal(store.remove("a"), true);
  assert.equal(store.remove("a"), false);
  assert.equal(store.get("a"), undefined);
  assert.throws(() => store.finish("a"), SessionNotFoundError);
});

Deno.test("SessionStore evicts the least recently used session, and none with a turn under way", async () => {
  const { store, clock } = storeOf({ sessionsMax: 2 });
  const busy = store.open("busy");
  const lease = busy.begin();
  await clock.advance(1);
  store.open("old");
  await clock.advance(1);
  store.open("new");
  assert.deepEqual(store.list().map(({ id }) => id), ["busy", "new"]);
  using _other = store.open("new").begin();
  assert.throws(() => store.open("third"), SessionLimitError);
  lease[Symbol.dispose]();
  lease[Symbol.dispose]();
  assert.equal(busy.underWay, 0);
  store.open("third");
  assert.deepEqual(store.list().map(({ id }) => id), ["new", "third"]);
  assert.equal(store.stats().removed.sessions, 2);
});

Deno.test("SessionStore.expire() removes what nobody used for idleMs", async () => {
  const { store, clock } = storeOf({ idleMs: 100 });
  const kept = store.open("kept");
  store.open("idle");
  const lease = store.open("busy").begin();
  await clock.advance(60);
  kept.touch();
  await clock.advance(40);
  assert.equal(store.expire(), 1);
  assert.deepEqual(store.list().map(({ id }) => id).sort(), ["busy", "kept"]);
  lease[Symbol.dispose]();
  await clock.advance(100);
  store.open("x");
  assert.deepEqual(store.list().map(({ id }) => id), ["x"]);
  assert.equal(store.stats().removed.idle, 3);
});

Deno.test("SessionStore keeps its account of bytes, and the bound on them", async () => {
  const { store } = storeOf({ bytesMax: 40_000 });
  for (let serial = 0; serial < 12; serial++) {
    const bench = new Bench(parts, store.open(`s${serial}`));
    await bench.turn([user("hi ".repeat(400))], { text: "yes" });
    assert.ok(store.stats().sizeBytes <= 40_000);
    const sum = store.list().reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    assert.equal(store.stats().sizeBytes, sum);
  }
  assert.ok(store.stats().removed.bytes > 0);
  assert.ok(store.stats().sessions > 0);
  for (const { id } of store.list()) store.remove(id);
  assert.deepEqual([store.stats().sizeBytes, store.stats().turns], [0, 0]);
});

Deno.test("SessionStore counts what sessions are opened with, and keeps the bound before it opens one", () => {
  const { store } = storeOf({ bytesMax: 40_000 });
  for (let serial = 0; serial < 12; serial++) {
    const session = store.open(`s${serial}`, { note: "x".repeat(10_000) });
    assert.ok(session.sizeBytes > 10_000);
    assert.ok(store.stats().sizeBytes <= 40_000);
    assert.equal(store.get(`s${serial}`), session);
  }
  const large = store.open("large", { note: "x".repeat(50_000) });
  assert.deepEqual(store.list(), [large]);
});

Deno.test("SessionStore tells a client whose session had to go", async () => {
  const { store } = storeOf({ sessionsMax: 1 });
  await new Bench(parts, store.open("a")).turn(HI, { text: "yes" });
  store.open("b");
  const plan = await new Bench(parts, store.open("a")).plan([...HI, assistant("yes"), user("more")]);
  assert.equal(plan.cause, "evicted");
  assert.deepEqual(plan.promptRuns.map(({ provenance }) => provenance), ["p", "f", "p"]);
});

Deno.test("Session costs what its turns add", async () => {
  const bench = new Bench(parts);
  const messages: JsonObject[] = [];
  const sizes: number[] = [];
  for (let turn = 0; turn < 30; turn++) {
    messages.push(user(`say ${turn}`));
    const before = bench.session.sizeBytes;
    await bench.turn([...messages], { text: `reply ${turn}` });
    messages.push(assistant(`reply ${turn}`));
    sizes.push(bench.session.sizeBytes - before);
  }
  assert.ok(sizes[29]! - sizes[1]! < 100, sizes.join(" "));
});

Deno.test("Session refuses writes once it is finished, also of turns under way", async () => {
  const { store } = storeOf();
  const bench = new Bench(parts, store.open("a"));
  const plan = await bench.plan(HI);
  assert.equal(store.finish("a").isFinished, true);
  await assert.rejects(bench.plan(HI), SessionFinishedError);
  const commit = (session = bench.session) =>
    commitTurn(session, plan, outputOf([1], plan.fullIds.length), assistant("x"), commitParts);
  const done = commit();
  assert.deepEqual([done.ok, bench.session.turns.length], [false, 0]);
  const removed = store.open("b");
  store.remove("b");
  assert.equal(commit(removed).ok, false);
});

Deno.test("Session takes turnsPerSessionMax turns", async () => {
  const { store } = storeOf({ turnsPerSessionMax: 2 });
  const bench = new Bench(parts, store.open("a"));
  await bench.turn(HI, { text: "one" });
  await bench.turn(HI, { text: "two" });
  await assert.rejects(bench.plan(HI), SessionLimitError);
});

Deno.test("SessionStore.route() finds the conversation by its messages", async () => {
  const { store } = storeOf();
  const route = (messages: JsonObject[]) => store.route(new MessageChain(messages));
  const first = route(HI);
  assert.equal(first.candidates, 0);
  const bench = new Bench(parts, first.session);
  const turn = await bench.turn(HI, { text: "yes" });
  assert.notEqual(route(HI).session, first.session, "a first message begins a conversation of its own");
  const more = [...HI, assistant("yes"), user("more")];
  const again = route(more);
  assert.deepEqual([again.session, again.candidates], [first.session, 1]);
  assert.equal((await planTurn(again.session, { messages: more }, parts)).parent, turn);
  assert.notEqual(route([...HI, assistant("no"), user("more")]).session, first.session);
  const edited = [...more, assistant("a reply of the client's own"), user("x")];
  assert.equal(route(edited).session, first.session, "a rewritten reply stays in its session");
  store.remove(first.session.id);
  assert.equal(route(more).candidates, 0);
});

Deno.test("SessionStore.route() spreads conversations that say the same, and tells of them", async () => {
  const { store } = storeOf();
  const sessions = [0, 1, 2].map(() => store.route(new MessageChain(HI)).session);
  for (const session of sessions) await new Bench(parts, session).turn(HI, { text: "yes" });
  const more = [...HI, assistant("yes"), user("more")];
  const routed = [];
  for (let rollout = 0; rollout < 3; rollout++) {
    const found = store.route(new MessageChain([...more.slice(0, 2), user(`more ${rollout}`)]));
    assert.equal(found.candidates, 3);
    await new Bench(parts, found.session).turn([...more.slice(0, 2), user(`more ${rollout}`)], {
      text: "on",
    });
    routed.push(found.session);
  }
  assert.equal(new Set(routed).size, 3);
  const repeated = store.route(new MessageChain([...more.slice(0, 2), user("more 1")]));
  assert.equal(repeated.session, routed[1], "a retry goes where it went");
});

Deno.test("SessionStore.route() follows the id of a tool call that it has given out", async () => {
  const { store } = storeOf();
  const text = '<tool_call>{"name": "look", "arguments": {}}</tool_call>';
  const sessions = ["c1", "c2"].map(() => store.route(new MessageChain(HI)).session);
  for (const [index, id] of ["c1", "c2"].entries()) {
    await new Bench(parts, sessions[index]!).turn(HI, { text, reply: calling(id, "look", "{}") });
  }
  for (const [index, id] of ["c1", "c2"].entries()) {
    const { session, candidates } = store.route(
      new MessageChain([...HI, calling(id, "look", "{}"), result(id, "ok")]),
    );
    assert.deepEqual([session, candidates], [sessions[index], 1]);
  }
  store.finish(sessions[0]!.id);
  assert.notEqual(store.route(new MessageChain([result("c1", "ok")])).session, sessions[0]);
});
