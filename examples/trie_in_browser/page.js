/** The page: one trie, a script of conversations, a drawing of what is stored. */
import { conversations, Words } from "./conversations.js";
import { countNodes, radixTree, tokensBetween } from "./tree.js";

// By address: a checker that runs before the build does not look for it.
const { createTokenTrie } = await import(new URL("../../dist/npm/mod.js", import.meta.url).href);

const MAX_TOKENS = 150;
const STEP_MS = 700;
const LINES_MAX = 3;
const LOG_MAX = 14;

const byId = (id) => document.getElementById(id);
const words = new Words();
const script = conversations();
const trie = await createTokenTrie({ maxCacheSize: MAX_TOKENS });
/** What was appended and by whom, newest first: a handle that has become stale says that its path was evicted. */
let appended = [];
let saved = null;
let timer = null;
const lastTextOf = new Map();

/** One turn: look the conversation up, append question and reply where it ends. */
function step() {
  const { session, fresh, ask, reply, version } = script.next().value;
  const before = fresh ? "" : lastTextOf.get(session) ?? "";
  const found = trie.findContinuation(before + ask, { scope: session, pin: true });
  const rest = (before + ask).slice(found.matchedUnits);
  const asked = rest === "" ? found.handle : append(session, found.handle, {
    keys: [{ text: rest }],
    tokenIds: words.encode(rest),
    sampled: false,
  });
  const text = reply.replaceAll("|", "");
  append(session, asked, {
    keys: [{ text }],
    tokenIds: words.encode(reply),
    sampled: true,
    scope: session,
    versions: version,
  });
  if (found.handle) trie.release(found.handle);
  lastTextOf.set(session, before + ask + text);
  log(
    `${session}: ${found.tokenCount} tokens found, ${
      words.encode(rest).length
    } new, reply at version ${version}`,
  );
  draw(before + ask + text);
}

function append(session, parent, segment) {
  const result = trie.append(parent, [segment]);
  if (!result.ok) throw new Error(result.reason);
  appended.unshift({ session, handle: result.handle });
  return result.handle;
}

/** Stored paths, newest first. `read` does not count as a use, so that drawing evicts nothing. */
function storedPaths() {
  const seen = new Set();
  const records = [];
  appended = appended.filter(({ session, handle }) => {
    const path = trie.read(handle);
    const place = `${handle.point} ${handle.serial}`;
    if (path === null || seen.has(place)) return false;
    seen.add(place);
    const tokens = Array.from(
      path.tokenIds,
      (id, i) => ({ text: words.text(id), sampled: path.lossMask[i] === 1 }),
    );
    records.push({ session, text: tokens.map(({ text }) => text).join(""), tokens });
    return true;
  });
  return records;
}

function draw(freshText = "") {
  const tree = radixTree(storedPaths());
  const found = byId("query").value === "" ? null : trie.retrieveFromText(byId("query").value);
  byId("tree").replaceChildren(listOf([tree], freshText, found?.matchedPrefix ?? ""));
  byId("found").textContent = found === null
    ? ""
    : `${found.tokenIds.length} tokens for ${JSON.stringify(found.matchedPrefix)}: ${found.reason}`;
  const { tokens, nodes, segments, usedBytes, hits, misses, evictedTokens } = trie.stats();
  const rows = {
    "tokens": `${tokens} of ${MAX_TOKENS}`,
    "nodes drawn": countNodes(tree),
    "nodes in the trie": nodes,
    "segments": segments,
    "bytes": usedBytes.toLocaleString("en"),
    "hits, misses": `${hits}, ${misses}`,
    "evicted tokens": evictedTokens.lru,
  };
  byId("stats").replaceChildren(
    ...Object.entries(rows).map(([name, value]) => {
      const row = document.createElement("tr");
      row.append(element("td", "", name), element("td", "", String(value)));
      return row;
    }),
  );
}

function listOf(nodes, freshText, matched) {
  const list = document.createElement("ul");
  for (const node of nodes) {
    const item = document.createElement("li");
    item.classList.toggle("fresh", node.text !== "" && freshText.startsWith(node.text));
    item.classList.toggle("match", node.text !== "" && matched.startsWith(node.text));
    item.append(...linesOf(node));
    if (node.children.length > 0) item.append(listOf(node.children, freshText, matched));
    list.append(item);
  }
  return list;
}

/** A line for each way in which the node's text came about. */
function linesOf(node) {
  if (node.text === "") return [element("div", "row note", "root")];
  const lines = new Map();
  for (const record of node.records) {
    const chips = tokensBetween(record, node.from, node.text.length);
    lines.set(JSON.stringify(chips), chips);
  }
  const rows = [...lines.values()].slice(0, LINES_MAX).map((chips) => {
    const row = element("div", "row", "");
    row.append(...chips.map(chipOf));
    return row;
  });
  if (node.records.length > 1) rows[0].append(element("span", "note", `${node.records.length} paths`));
  return rows;
}

function chipOf({ text, sampled, cameIn, goesOn }) {
  const chip = element("span", `chip ${sampled ? "sampled" : "prompt"}`, text);
  chip.classList.toggle("came-in", cameIn);
  chip.classList.toggle("goes-on", goesOn);
  return chip;
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function log(text) {
  byId("log").prepend(element("li", "", text));
  while (byId("log").children.length > LOG_MAX) byId("log").lastChild.remove();
}

byId("step").onclick = step;
byId("run").onclick = () => {
  clearInterval(timer);
  timer = timer === null ? setInterval(step, STEP_MS) : null;
  byId("run").textContent = timer === null ? "Run" : "Pause";
};
byId("query").oninput = () => draw();
byId("save").onclick = () => {
  saved = { bytes: trie.save("words"), paths: storedPaths() };
  byId("load").disabled = false;
  log(`saved ${saved.bytes.length.toLocaleString("en")} bytes`);
};
byId("load").onclick = () => {
  trie.load(saved.bytes, "words");
  // Handles from before are stale: the texts lead to new ones.
  appended = saved.paths.map(({ session, text }) => ({
    session,
    handle: trie.findLongestPrefix(text, { scope: session }).handle,
  }));
  log("loaded");
  draw();
};
byId("controls").onsubmit = (event) => event.preventDefault();

// `?steps=12` fills it at once.
for (let i = Number(new URLSearchParams(location.search).get("steps") ?? 0); i > 0; i--) step();
draw();
