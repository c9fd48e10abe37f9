/** Which workers hold how much of a query. */
import { findChild } from "./children";
import { countHolders, stampPlace, workerPlace } from "./holders";
import { header, result } from "./header";
import { exists, Node, none } from "./layout";
import { agrees, findTokens, Wanted, WANTED } from "./match";
import { reserveOutput } from "./output";
import { tokensTo } from "./segments";
import { walk } from "./trie";

/** Bytes a worker in the output window: bytes held, tokens, stamp. */
const WORKER_BYTES: u32 = 4 + 4 + 4;

/**
 * Writes to the output window, one array behind another, for each worker: how many bytes of the text in the input window
 * it holds; the tokens of the newest path that ends within them; the stamp of the mark. With `ids`, text counts only as
 * far as a stored path has these tokens for it. False when there is no memory.
 */
export function findHolders(length: u32, ids: usize, count: u32): bool {
  const h = header();
  const r = result();
  const workers = h.workers;
  if (!reserveOutput(workers * WORKER_BYTES)) return false;
  memory.fill(h.output, 0, <usize> workers * WORKER_BYTES);
  r.ids = h.output;
  r.tokens = workers;
  if (workers == 0) return true;
  // The deepest node whose text the query has whole, and before it the child of which it has a part.
  let whole = ids ? walkTokens(length, ids, count) : walk(h.input, length);
  let depth = ids ? r.spliceBytes : h.walkDepth;
  let node = whole;
  let bytes = depth;
  if (!ids && h.walkMatched > depth) {
    node = findChild(whole, load<u8>(h.input + depth));
    bytes = h.walkMatched;
  }
  // Where the newest path within ends, once that is asked for: the same for all nodes from there to the next above.
  let end = none<Node>();
  let tokens: u32 = 0;
  let found: u32 = 0;
  while (node != h.root) {
    // Holders of nodes below are holders here.
    if (countHolders(node) != found) {
      if (!exists(end)) {
        end = whole;
        while ((tokens = tokensAt(end, ids != 0)) == 0 && end != h.root) end = end.parent;
      }
      found = note(node, bytes, tokens, workers, found);
    }
    if (node == whole) {
      if (node == end) end = none<Node>();
      depth -= node.labelLen;
      whole = node.parent;
    }
    node = whole;
    bytes = depth;
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
function note(node: Node, bytes: u32, tokens: u32, workers: u32, known: u32): u32 {
  const out = header().output;
  const removedAt = header().removedAt;
  const rest = <usize> workers << 2;
  let found = known;
  let stamps = stampPlace(node.holders, 0);
  const end = workerPlace(node.holders, countHolders(node));
  for (let at = workerPlace(node.holders, 0); at < end; at += 2, stamps += 4) {
    const worker = <usize> load<u16>(at) << 2;
    const stamp = load<u32>(stamps);
    // What was marked before a worker was removed counts for nothing.
    if (load<u32>(out + worker) || stamp <= load<u32>(removedAt + worker)) continue;
    store<u32>(out + worker, bytes);
    store<u32>(out + worker + rest, tokens);
    store<u32>(out + worker + (rest << 1), stamp);
    found++;
  }
  return found;
}

/** Tokens of the newest path that ends at a node; 0 when none does, or none with the tokens of the last look-up. */
function tokensAt(node: Node, agreeing: bool): u32 {
  for (let p = node.points; exists(p); p = p.nextAtNode) {
    if (!agreeing || agrees(p)) return tokensTo(p);
  }
  return 0;
}
