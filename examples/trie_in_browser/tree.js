/** Where stored texts part: the shape of the radix trie, worked out from the texts alone. */

/**
 * @param records stored paths, newest first: `{ text, tokens: [{ text, sampled }] }`
 * @returns the root: `{ from, text, records, children }`, children by their newest record
 */
export function radixTree(records) {
  return nodeOf("", 0, records);
}

/** Number of nodes below the root. */
export function countNodes(node) {
  return node.children.reduce((sum, child) => sum + 1 + countNodes(child), 0);
}

function nodeOf(text, from, records) {
  const groups = new Map();
  for (const record of records) {
    if (record.text.length === text.length) continue;
    const next = record.text[text.length];
    groups.set(next, [...groups.get(next) ?? [], record]);
  }
  const children = [...groups.values()].map((group) =>
    nodeOf(sharedText(group, text.length), text.length, group)
  );
  return { from, text, records, children };
}

/** Up to where the first text ends, or any other parts from it. */
function sharedText(records, from) {
  let end = Math.min(...records.map(({ text }) => text.length));
  const [{ text }] = records;
  for (const other of records) {
    let same = from;
    while (same < end && other.text[same] === text[same]) same++;
    end = same;
  }
  return text.slice(0, end);
}

/** The tokens of a record between two places of its text; a token that lies across one is cut for drawing. */
export function tokensBetween(record, from, to) {
  const chips = [];
  let at = 0;
  for (const { text, sampled } of record.tokens) {
    const [start, end] = [Math.max(at, from), Math.min(at + text.length, to)];
    if (start < end) {
      const chip = text.slice(start - at, end - at);
      chips.push({ text: chip, sampled, cameIn: start > at, goesOn: end < at + text.length });
    }
    at += text.length;
  }
  return chips;
}
