/** Agents that talk to a model which is not there: a script of turns, the same each time. */

const SYSTEM = "<sys>Answer in short.<end>";
const QUESTIONS = [
  "<user>Tell a colour.<end>",
  "<user>Tell a number.<end>",
  "<user>Which SQL word filters groups?<end>",
];
const REPLIES = [
  ["<bot>Blue.<end>", "<bot>Blue or green.<end>", "<bot>Green.<end>"],
  ["<bot>Seven.<end>", "<bot>Seventeen.<end>", "<bot>Twelve.<end>"],
  // One text from different tokens: what the model sampled, a tokenizer would not have chosen each time.
  ["<bot>HAV|ING|.<end>", "<bot>HAVING|.<end>", "<bot>WHERE, no: HAV|ING|.<end>"],
];

/** Mulberry32: a seeded generator of integers below n. */
function seeded(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** A toy tokenizer: a token is a tag, a word with the space before it, or a mark. `|` cuts where it stands. */
export class Words {
  #ids = new Map();
  #texts = [];

  encode(text) {
    const pieces = text.split("|").flatMap((part) => part.match(/<\w+>| ?\w+|[^\w<]/g) ?? []);
    return pieces.map((piece) => {
      if (!this.#ids.has(piece)) this.#ids.set(piece, this.#texts.push(piece) - 1);
      return this.#ids.get(piece);
    });
  }

  text(id) {
    return this.#texts[id];
  }
}

/** Turns without end: `{ session, ask, reply, fresh }`; `fresh` begins a conversation. */
export function* conversations(seed = 4) {
  const below = seeded(seed);
  const turnsOf = new Map();
  for (let i = 0;; i++) {
    const session = `agent ${1 + below(5)}`;
    const turns = turnsOf.get(session) ?? 0;
    const fresh = turns === 0;
    turnsOf.set(session, turns === 2 ? 0 : turns + 1);
    const topic = below(QUESTIONS.length);
    const ask = (fresh ? SYSTEM : "") + QUESTIONS[topic];
    yield { session, fresh, ask, reply: REPLIES[topic][below(3)], version: 1 + Math.floor(i / 8) };
  }
}
