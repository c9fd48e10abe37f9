/**
 * Which variable a name means where. As in Jinja this is settled before a template runs: an assignment in a loop, macro
 * or block makes a new variable there, which begins as the outer one of that name.
 *
 * @module
 */
import { childrenOf, type Expr, isExpr, type Node, partsOf, type Statement } from "./ast.ts";

/** A part of the template that has its own variables each time it runs: the whole of it, a macro, a recursive loop. */
export class Unit {
  /** Number of its variables. */
  size = 0;
  readonly depth: number;

  constructor(readonly parent: Unit | null) {
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

/** One variable: its place in its unit. */
export interface Ref {
  readonly unit: Unit;
  readonly index: number;
}

/**
 * How a variable begins when its frame is entered: as what binds it (`param`), as the conversation's variable
 * (`resolve`), as the outer variable (`alias`), or as nothing (`nothing`).
 */
export type Load =
  | { readonly how: "param" }
  | { readonly how: "resolve"; readonly name: string }
  | { readonly how: "alias"; readonly from: Ref }
  | { readonly how: "nothing" };

/** The names of one frame. */
export class Symbols {
  readonly #refs: Map<string, Ref>;
  readonly #stores: Set<string>;
  readonly #made: Map<string, Ref>;
  /** How the frame's variables begin. */
  readonly loads: Map<Ref, Load>;

  constructor(readonly unit: Unit, readonly parent: Symbols | null, from: Symbols | null = null) {
    this.#refs = new Map(from === null ? [] : from.#refs);
    this.#stores = new Set(from === null ? [] : from.#stores);
    this.loads = new Map(from === null ? [] : from.loads);
    this.#made = from === null ? new Map() : from.#made;
  }

  find(name: string): Ref | null {
    return this.#refs.get(name) ?? this.parent?.find(name) ?? null;
  }

  load(name: string): void {
    if (this.find(name) === null) this.#define(name, { how: "resolve", name });
  }

  store(name: string): void {
    this.#stores.add(name);
    if (this.#refs.has(name)) return;
    const outer = this.parent?.find(name) ?? null;
    this.#define(name, outer === null ? { how: "nothing" } : { how: "alias", from: outer });
  }

  param(name: string): Ref {
    this.#stores.add(name);
    return this.#define(name, { how: "param" });
  }

  /** For a branch of an `if`, which may or may not run. */
  copy(): Symbols {
    return new Symbols(this.unit, this.parent, this);
  }

  /** Takes over what branches found. What only some of them assign begins as if it had been read before them. */
  mergeBranches(branches: readonly Symbols[]): void {
    const stored = new Set(branches.flatMap((branch) => [...branch.#stores]));
    for (const name of this.#stores) stored.delete(name);
    for (const branch of branches) {
      for (const [name, ref] of branch.#refs) this.#refs.set(name, ref);
      for (const [ref, load] of branch.loads) this.loads.set(ref, load);
      for (const name of branch.#stores) this.#stores.add(name);
    }
    for (const name of stored) {
      const outer = this.parent?.find(name) ?? null;
      this.loads.set(
        this.find(name)!,
        outer === null ? { how: "resolve", name } : { how: "alias", from: outer },
      );
    }
  }

  /** A name has one variable in a frame, whichever branch finds it first. */
  #define(name: string, load: Load): Ref {
    const ref = this.#made.get(name) ?? { unit: this.unit, index: this.unit.size++ };
    this.#made.set(name, ref);
    this.#refs.set(name, ref);
    this.loads.set(ref, load);
    return ref;
  }
}

/** Takes note of the names in `nodes`, which are in the frame of `symbols`. */
export function trackAll(symbols: Symbols, nodes: readonly Node[]): void {
  for (const node of nodes) track(symbols, node);
}

function track(symbols: Symbols, node: Node): void {
  if (isExpr(node)) trackExpression(symbols, node);
  else trackStatement(symbols, node);
}

/** `asParam`: names are bound, as a loop binds its target. */
export function trackExpression(symbols: Symbols, node: Expr, asParam = false): void {
  if (node.type === "namespace_ref") return symbols.load(node.name);
  if (node.type !== "name") {
    for (const child of childrenOf(node)) trackExpression(symbols, child, asParam);
  } else if (asParam || node.use === "param") symbols.param(node.name);
  else if (node.use === "store") symbols.store(node.name);
  else symbols.load(node.name);
}

/** What a statement does to the frame it stands in; bodies with a frame of their own are left out. */
function trackStatement(symbols: Symbols, node: Statement): void {
  switch (node.type) {
    case "if":
      return trackIf(symbols, node);
    case "macro":
      return symbols.store(node.name);
    case "assign":
      return trackAll(symbols, [node.value, node.target]);
    case "for":
      return trackExpression(symbols, node.iterable);
    case "call_block":
      return node.call === null ? undefined : trackExpression(symbols, node.call);
    case "filter_block":
      return trackExpression(symbols, node.filter);
    case "with":
      return trackAll(symbols, node.values);
    case "assign_block":
      return trackExpression(symbols, node.target);
    case "scope":
    case "block":
      return;
    default:
      return trackAll(symbols, partsOf(node));
  }
}

function trackIf(symbols: Symbols, node: Extract<Statement, { type: "if" }>): void {
  trackExpression(symbols, node.test);
  const branches = [node.body, node.elifs, node.otherwise].map((body) => {
    const branch = symbols.copy();
    trackAll(branch, body);
    return branch;
  });
  symbols.mergeBranches(branches);
}

/** Which of `names` are read in `nodes` before anything there assigns them. Blocks are not looked into. */
export function findUndeclared(nodes: readonly Node[], names: readonly string[]): ReadonlySet<string> {
  const wanted = new Set(names);
  const found = new Set<string>();
  const visit = (node: Node): void => {
    if (node.type === "block" || found.size === wanted.size) return;
    if (node.type === "name") {
      if (node.use === "load" && wanted.has(node.name)) found.add(node.name);
      else wanted.delete(node.name);
    }
    for (const child of isExpr(node) ? childrenOf(node) : partsOf(node)) visit(child);
  };
  for (const node of nodes) visit(node);
  return found;
}
