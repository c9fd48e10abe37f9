/**
 * Storing: whole texts with whole token sequences (`insertFlat`), and segments below a known place (`appendSegments`).
 * Both either store everything or nothing.
 */
import {
  Command,
  edgeOffset,
  edgeToken,
  idsOfCommand,
  isRetrieveOnlyKey,
  keyBytes,
  keyTokens,
  logprobsOfCommand,
  nextCommand,
  sealSpans,
  spansOfCommand,
  textOfCommand,
  versionOf,
} from "./command";
import { header, result } from "./header";
import {
  CAUSE_UNDONE,
  COUNT_MAX,
  ENTRY,
  exists,
  INSERTED,
  Node,
  none,
  Point,
  RETRIEVE_ONLY,
  SCOPE_NONE,
  SCOPE_UNNAMED,
  Segment,
  SPLICE,
  TRIMMED,
} from "./layout";
import { equalLogprobs } from "./logprobs";
import { findTokens, Wanted, WANTED } from "./match";
import { addPoint, findPoint, freePoint, pointAt } from "./points";
import { touch } from "./recency";
import { fitsTokens, freeMemory, removeLeaf, removeTree, settle } from "./reclaim";
import {
  cutOf,
  equalIds,
  equalSpans,
  newSegment,
  raiseVersion,
  scopeOf,
  SPAN_BYTES,
  tokensTo,
  writeMaskSpans,
} from "./segments";
import { findBelow, insertBelow, prune } from "./trie";
import { writeHandle } from "./output";

/** Stored, or refused: more tokens than fit; no memory; a stale handle; a loss mask that is not of 0 and 1. */
export const STORED: u32 = 0;
export const TOO_MANY_TOKENS: u32 = 1;
export const NO_MEMORY: u32 = 2;
export const STALE_HANDLE: u32 = 3;
export const BAD_LOSS_MASK: u32 = 4;

/** Text, nodes, tables and points of one key at most, beside the bytes of the text itself. */
const KEY_OVERHEAD_BYTES: u32 = 2048;
/** A command is at most so many times as long as the segment that is made of it: 12 bytes a token, not 4. */
const COMMAND_RATIO: u32 = 3;

// --- whole texts ---------------------------------------------------------------------------------------------------

/**
 * `spans` is scratch memory for the spans of the loss mask; `logprobs` may be 0. What a stored prefix already holds is
 * shared, the rest becomes one segment below it.
 */
export function insertFlat(
  text: usize,
  length: u32,
  ids: usize,
  count: u32,
  logprobs: usize,
  mask: usize,
  version: i32,
  spans: usize,
): u32 {
  const wanted = changetype<Wanted>(WANTED);
  wanted.ids = ids;
  wanted.count = count;
  wanted.whole = true;
  wanted.mask = mask;
  wanted.logprobs = logprobs;
  const prefix = findTokens(text, length, 0);
  const parent = exists(prefix) ? prefix.segment : none<Segment>();
  const shared = exists(prefix) ? tokensTo(prefix) : 0;
  const depth = result().spliceBytes;
  // What is shared has the mask of what is stored.
  const from: usize = shared;
  const runs = writeMaskSpans(mask + from, count - shared, version, spans);
  if (runs == 0 && count > shared) return BAD_LOSS_MASK;
  if (count > COUNT_MAX || exceedsMemory(<u64> (length - depth) + <u64> (count - shared) * 4)) return NO_MEMORY;
  if (!fitsTokens(count - shared, parent)) return TOO_MANY_TOKENS;

  const flags = INSERTED | ENTRY | (load<u8>(mask + count - 1) ? SPLICE : 0);
  let stored: Segment;
  if (shared == count) {
    while (!exists(addPoint(parent, prefix.node, prefix.kept, flags))) {
      if (!freeMemory(KEY_OVERHEAD_BYTES, parent)) return NO_MEMORY;
    }
    stored = parent;
  } else {
    const bytes = length + (count - shared) * 12 + KEY_OVERHEAD_BYTES;
    do {
      stored = makeFlat(
        prefix,
        text + depth,
        length - depth,
        ids + (from << 2),
        count - shared,
        logprobs ? logprobs + (from << 3) : 0,
        spans,
        runs,
        flags,
      );
    } while (!exists(stored) && freeMemory(bytes, parent));
    if (!exists(stored)) return NO_MEMORY;
  }
  touch(stored);
  raiseVersion(stored, version);
  settle(stored, version);
  return STORED;
}

/** Whether so many bytes fit under no circumstances: then nothing need be evicted to find out. */
function exceedsMemory(bytesLeast: u64): bool {
  return bytesLeast > <u64> header().maxBytes;
}

function makeFlat(
  prefix: Point,
  text: usize,
  length: u32,
  ids: usize,
  count: u32,
  logprobs: usize,
  spans: usize,
  spanCount: u32,
  flags: u32,
): Segment {
  const parent = exists(prefix) ? prefix.segment : none<Segment>();
  const cut = exists(prefix) ? prefix.kept : 0;
  const sampled = spanCount > 1 || load<u32>(spans) >>> 31;
  const scope = sampled ? SCOPE_UNNAMED : SCOPE_NONE;
  const segment = newSegment(parent, cut, count, ids, logprobs, spans, spanCount, scope);
  if (!exists(segment)) return segment;
  const start = exists(prefix) ? prefix.node : header().root;
  if (exists(placePoint(segment, start, text, length, count, flags, true))) return segment;
  removeLeaf(segment, CAUSE_UNDONE);
  return none<Segment>();
}

/**
 * A point `length` bytes of text below `start`; one that stands already gets further flags if `flagged`. None when there
 * is no memory: the trie is as before.
 */
function placePoint(
  segment: Segment,
  start: Node,
  text: usize,
  length: u32,
  kept: u32,
  flags: u32,
  flagged: bool,
): Point {
  const node = insertBelow(start, text, length);
  if (!exists(node)) return none<Point>();
  if (!flagged) {
    const known = findPoint(segment, node, kept, flags);
    if (exists(known)) return known;
  }
  const point = addPoint(segment, node, kept, flags);
  if (!exists(point)) prune(node);
  return point;
}

// --- segments ------------------------------------------------------------------------------------------------------

/**
 * Appends `count` commands below the point (address, serial), or below the root when `serial` is 0. Identical segments
 * that are there already are used again, and given the further points of the new ones.
 */
export function appendSegments(address: usize, serial: u64, commands: usize, count: u32): u32 {
  const start = pointAt(address, serial);
  if (serial != 0 && !exists(start)) return STALE_HANDLE;
  let known = start;
  let reused: u32 = 0;
  let need: u64 = 0;
  let bytes: u64 = 0;
  let command = changetype<Command>(commands);
  for (let i: u32 = 0; i < count; i++, command = nextCommand(command)) {
    if (command.count > COUNT_MAX) return NO_MEMORY;
    sealSpans(command);
    const same = reused == i ? findSame(known, command) : none<Point>();
    if (exists(same)) {
      known = same;
      reused++;
      command.newest = same.segment.points;
    } else {
      need += command.count;
      bytes += command.bytes / COMMAND_RATIO;
    }
  }
  if (exceedsMemory(bytes)) return NO_MEMORY;
  const parent = exists(known) ? known.segment : none<Segment>();
  if (need > <u64> 0xffffffff || !fitsTokens(need as u32, parent)) return TOO_MANY_TOKENS;
  const last = storeCommands(start, commands, count, reused);
  if (!exists(last)) {
    takeBack(commands, reused);
    return NO_MEMORY;
  }
  confirm(start, commands, count, reused);
  writeHandle(last);
  return STORED;
}

/** The point of the last command, or none: then the points that reused segments were given must be taken back. */
function storeCommands(start: Point, commands: usize, count: u32, reused: u32): Point {
  let at = start;
  let firstMade = none<Segment>();
  let command = changetype<Command>(commands);
  for (let i: u32 = 0; i < count; i++, command = nextCommand(command)) {
    const same = i < reused ? findSame(at, command) : none<Point>();
    const parent = exists(at) ? at.segment : none<Segment>();
    command.point = same;
    let point = storeCommand(same, at, command);
    while (!exists(point) && freeMemory(command.bytes + command.keys * KEY_OVERHEAD_BYTES, keep(same, parent))) {
      point = storeCommand(same, at, command);
    }
    if (!exists(point)) {
      if (exists(firstMade)) removeTree(firstMade, CAUSE_UNDONE);
      return point;
    }
    at = point;
    command.point = point;
    if (!exists(same)) {
      command.newest = none<Point>();
      if (!exists(firstMade)) firstMade = at.segment;
    }
  }
  return at;
}

/** Takes from the reused segments the points that they did not have before: the first of their lists. */
function takeBack(commands: usize, reused: u32): void {
  let command = changetype<Command>(commands);
  for (let i: u32 = 0; i < reused && exists(command.point); i++, command = nextCommand(command)) {
    if (!exists(command.newest)) return;
    const segment = command.point.segment;
    while (segment.points != command.newest) {
      const point = segment.points;
      const node = point.node;
      segment.points = point.nextOfSegment;
      freePoint(point);
      prune(node);
    }
  }
}

/** What cannot fail, once everything is stored: flags of points that stood before, versions, recency, bounds. */
function confirm(start: Point, commands: usize, count: u32, reused: u32): void {
  let at = start;
  let newest: i32 = -1;
  let command = changetype<Command>(commands);
  for (let i: u32 = 0; i < count; i++, command = nextCommand(command)) {
    const version = versionOf(command);
    if (i < reused) addPoints(command.point.segment, exists(at) ? at.node : header().root, command, true);
    at = command.point;
    raiseVersion(at.segment, version);
    newest = max<i32>(newest, version);
  }
  touch(at.segment);
  settle(at.segment, newest);
}

function keep(same: Point, parent: Segment): Segment {
  return exists(same) ? same.segment : parent;
}

/** The point that the first key of an identical segment below `at` ends in. */
function findSame(at: Point, command: Command): Point {
  const parent = exists(at) ? at.segment : none<Segment>();
  const cut = exists(at) ? at.kept : 0;
  const start = exists(at) ? at.node : header().root;
  const node = findBelow(start, textOfCommand(command), keyBytes(command, 0));
  if (!exists(node)) return none<Point>();
  const kept = keyTokens(command, 0);
  for (let p = node.points; exists(p); p = p.nextAtNode) {
    const segment = p.segment;
    if (p.kept != kept || segment.parent != parent || cutOf(segment) != cut) continue;
    if (isSame(segment, command)) return p;
  }
  return none<Point>();
}

function isSame(segment: Segment, command: Command): bool {
  const count = command.count;
  if (segment.count != count || scopeOf(segment) != command.scope) return false;
  if (equalIds(segment, idsOfCommand(command), count) < count) return false;
  if (!equalSpans(segment, spansOfCommand(command), command.runs)) return false;
  return equalLogprobs(segment, logprobsOfCommand(command), count) == count;
}

/** The point of the first key. `same` is that of the identical segment, if there is one. None: no memory. */
function storeCommand(same: Point, at: Point, command: Command): Point {
  const start = exists(at) ? at.node : header().root;
  if (exists(same)) return addPoints(same.segment, start, command, false);
  const segment = newSegment(
    exists(at) ? at.segment : none<Segment>(),
    exists(at) ? at.kept : 0,
    command.count,
    idsOfCommand(command),
    logprobsOfCommand(command),
    spansOfCommand(command),
    command.runs,
    command.scope,
  );
  if (!exists(segment)) return none<Point>();
  const point = addPoints(segment, start, command, true);
  if (!exists(point)) removeLeaf(segment, CAUSE_UNDONE);
  return point;
}

/**
 * The point of the first key. The keys first: their text is stored in one piece, which the splice points then split.
 * Points that stand already get further flags if `flagged`.
 */
function addPoints(segment: Segment, start: Node, command: Command, flagged: bool): Point {
  const splice = command.sampled ? SPLICE : 0;
  let first = none<Point>();
  let text = textOfCommand(command);
  for (let key: u32 = 0; key < command.keys; key++) {
    const length = keyBytes(command, key);
    const kept = keyTokens(command, key);
    const use = isRetrieveOnlyKey(command, key) ? RETRIEVE_ONLY : INSERTED | splice;
    const flags = use | (kept < command.count ? TRIMMED : 0) | (key == 0 ? ENTRY : 0);
    const point = placePoint(segment, start, text, length, kept, flags, flagged);
    if (!exists(point)) return point;
    if (key == 0) first = point;
    text += length;
  }
  let node = start;
  let depth: u32 = 0;
  for (let edge: u32 = 0; edge < command.edges; edge++) {
    const offset = edgeOffset(command, edge);
    const kept = edgeToken(command, edge);
    const point = placePoint(segment, node, textOfCommand(command) + depth, offset - depth, kept, SPLICE, flagged);
    if (!exists(point)) return point;
    node = point.node;
    depth = offset;
  }
  return first;
}
