/** Which workers hold how much of a query. */
import { findChild } from "./children";
import { countHolders, holderAt, stampAt } from "./holders";
import { exists, header, Node, result } from "./layout";
import { agrees, findTokens, Wanted, WANTED } from "./match";
import { reserveOutput } from "./output";
import { tokensTo } from "./segments";
import { walk } from "./trie";

/** Bytes a worker in the output window: bytes held, tokens, stamp; and a place in the list of those found. */
const WORKER_BYTES: u32 = 4 + 4 + 4 + 4;

/**
 * Writes to the output window, one array behind another, for each worker: how many bytes of the text in the input window
 * it holds; the tokens of the newest path that ends within them; the stamp of the mark. With `ids`, text counts only as
 * far as a stored path has these tokens for it. False when there is no memory.
 */
export function findHolders(length: u32, ids: usize, count: u32): bool {
  const h = header();
  const r = result();
  const workers = h.workers;
  if (!reserveOutput(workers * WORKER_BYTES + 8)) return false;
  memory.fill(h.output, 0, <usize> workers * 12);
  r.ids = h.output;
  r.tokens = workers;
  if (workers == 0) return true;
  const node = ids ? walkTokens(length, ids, count) : walk(h.input, length);
  let depth = ids ? r.spliceBytes : h.walkDepth;
  let found: u32 = 0;
  if (!ids && h.walkMatched > depth) {
    found = note(findChild(node, load<u8>(h.input + depth)), h.walkMatched, workers, 0);
  }
  let pending: u32 = 0;
  for (let n = node; n != h.root; n = n.parent) {
    found = note(n, depth, workers, found);
    const tokens = pending < found ? tokensAt(n, ids != 0) : 0;
    if (tokens) {
      for (; pending < found; pending++) store<u32>(h.output + (<usize> (workers + listed(workers, pending)) << 2), tokens);
    }
    depth -= n.labelLen;
  }
  return true;
}

/** The deepest node at which a stored path ends that these tokens begin with. */
function walkTokens(length: u32, ids: usize, count: u32): Node {
  const wanted = changetype<Wanted>(WANTED);
  wanted.ids = ids;
  wanted.count = count;
  wanted.whole = false;
  const best = findTokens(header().input, length, 0);
  return exists(best) ? best.node : header().root;
}

/** Notes those of a node's holders that hold no more than this. Returns how many have been found in all. */
function note(node: Node, depth: u32, workers: u32, known: u32): u32 {
  // Holders of nodes below are holders here; what was marked before a worker was removed counts for nothing.
  const count = countHolders(node);
  if (count == known) return known;
  const out = header().output;
  const removedAt = header().removedAt;
  let found = known;
  for (let i: u32 = 0; i < count; i++) {
    const worker = holderAt(node, i);
    const at = out + (<usize> worker << 2);
    const stamp = stampAt(node, i);
    if (load<u32>(at) || stamp <= load<u32>(removedAt + (<usize> worker << 2))) continue;
    store<u32>(at, depth);
    store<u32>(at + (<usize> workers << 3), stamp);
    store<u32>(out + (<usize> (workers * 3 + found) << 2), worker);
    found++;
  }
  return found;
}

// @ts-ignore: decorator
@inline
function listed(workers: u32, i: u32): u32 {
  return load<u32>(header().output + (<usize> (workers * 3 + i) << 2));
}

/** Tokens of the newest path that ends at a node; 0 when none does, or none with the tokens of the last look-up. */
function tokensAt(node: Node, agreeing: bool): u32 {
  for (let p = node.points; exists(p); p = p.nextAtNode) {
    if (!agreeing || agrees(p)) return tokensTo(p);
  }
  return 0;
}
