/**
 * The syntax tree of a template.
 *
 * @module
 */
import type { Value } from "./values.ts";

/** How a name is used: read, assigned, or bound as a parameter. */
export type NameUse = "load" | "store" | "param";

export interface NameNode {
  readonly type: "name";
  readonly name: string;
  use: NameUse;
}
/** `ns.attr` as the target of an assignment. */
export interface NamespaceRefNode {
  readonly type: "namespace_ref";
  readonly name: string;
  readonly attribute: string;
}
export interface ConstNode {
  readonly type: "const";
  readonly value: Value;
}
export interface TupleNode {
  readonly type: "tuple";
  readonly items: readonly Expr[];
}
export interface ListNode {
  readonly type: "list";
  readonly items: readonly Expr[];
}
export interface DictNode {
  readonly type: "dict";
  readonly items: readonly (readonly [Expr, Expr])[];
}
export interface BinaryNode {
  readonly type: "binary";
  readonly operator: "+" | "-" | "*" | "/" | "//" | "%" | "**";
  readonly left: Expr;
  readonly right: Expr;
}
export interface LogicNode {
  readonly type: "logic";
  readonly operator: "and" | "or";
  readonly left: Expr;
  readonly right: Expr;
}
export interface UnaryNode {
  readonly type: "unary";
  readonly operator: "+" | "-" | "not";
  readonly node: Expr;
}
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";
export interface CompareNode {
  readonly type: "compare";
  readonly first: Expr;
  readonly rest: readonly (readonly [Comparison, Expr])[];
}
export interface ConcatNode {
  readonly type: "concat";
  readonly items: readonly Expr[];
}
export interface AttributeNode {
  readonly type: "attribute";
  readonly node: Expr;
  readonly name: string;
}
export interface ItemNode {
  readonly type: "item";
  readonly node: Expr;
  readonly key: Expr;
}
export interface SliceNode {
  readonly type: "slice";
  readonly node: Expr;
  readonly start: Expr | null;
  readonly stop: Expr | null;
  readonly step: Expr | null;
}
/** What stands between the parentheses of a call. */
export interface Arguments {
  readonly args: readonly Expr[];
  readonly kwargs: readonly (readonly [string, Expr])[];
  readonly moreArgs: Expr | null;
  readonly moreKwargs: Expr | null;
}
export interface CallNode {
  readonly type: "call";
  readonly node: Expr;
  readonly given: Arguments;
}
/** `node` is null for the content of a block. */
export interface FilterNode {
  readonly type: "filter";
  readonly node: Expr | null;
  readonly name: string;
  readonly given: Arguments;
  readonly line: number;
}
export interface TestNode {
  readonly type: "test";
  readonly node: Expr;
  readonly name: string;
  readonly given: Arguments;
  readonly line: number;
}
export interface ConditionalNode {
  readonly type: "conditional";
  readonly test: Expr;
  readonly then: Expr;
  readonly otherwise: Expr | null;
  readonly line: number;
}
export type Expr =
  | NameNode
  | NamespaceRefNode
  | ConstNode
  | TupleNode
  | ListNode
  | DictNode
  | BinaryNode
  | LogicNode
  | UnaryNode
  | CompareNode
  | ConcatNode
  | AttributeNode
  | ItemNode
  | SliceNode
  | CallNode
  | FilterNode
  | TestNode
  | ConditionalNode;

/** Template text (a string) and expressions to print. */
export interface OutputNode {
  readonly type: "output";
  readonly parts: readonly (string | Expr)[];
}
export interface ForNode {
  readonly type: "for";
  readonly target: Expr;
  readonly iterable: Expr;
  readonly test: Expr | null;
  readonly recursive: boolean;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}
export interface IfNode {
  readonly type: "if";
  readonly test: Expr;
  readonly body: readonly Statement[];
  readonly elifs: readonly IfNode[];
  readonly otherwise: readonly Statement[];
}
/** Parameters of a macro or call block. */
export interface Signature {
  readonly params: readonly NameNode[];
  /** Of the last parameters. */
  readonly defaults: readonly Expr[];
}
export interface MacroNode extends Signature {
  readonly type: "macro";
  readonly name: string;
  readonly body: readonly Statement[];
}
/** `call` is null for `{% generation %}`, which prints its body as it is. */
export interface CallBlockNode extends Signature {
  readonly type: "call_block";
  readonly call: CallNode | null;
  readonly body: readonly Statement[];
}
export interface FilterBlockNode {
  readonly type: "filter_block";
  readonly filter: FilterNode;
  readonly body: readonly Statement[];
}
export interface WithNode {
  readonly type: "with";
  readonly targets: readonly Expr[];
  readonly values: readonly Expr[];
  readonly body: readonly Statement[];
}
export interface BlockNode {
  readonly type: "block";
  readonly name: string;
  readonly body: readonly Statement[];
}
export interface ScopeNode {
  readonly type: "scope";
  readonly body: readonly Statement[];
}
export interface AssignNode {
  readonly type: "assign";
  readonly target: Expr;
  readonly value: Expr;
}
export interface AssignBlockNode {
  readonly type: "assign_block";
  readonly target: Expr;
  readonly filter: FilterNode | null;
  readonly body: readonly Statement[];
}
export interface LoopControlNode {
  readonly type: "break" | "continue";
}
/** `include`, `import`, `extends`: a chat template has nowhere to load another from. */
export interface LoadNode {
  readonly type: "load_template";
  readonly template: Expr;
  readonly targets: readonly string[];
}
export type Statement =
  | OutputNode
  | ForNode
  | IfNode
  | MacroNode
  | CallBlockNode
  | FilterBlockNode
  | WithNode
  | BlockNode
  | ScopeNode
  | AssignNode
  | AssignBlockNode
  | LoopControlNode
  | LoadNode;

export type Node = Expr | Statement;

/** The nodes right below an expression, in the order in which names are taken note of. */
export function childrenOf(node: Expr): readonly Expr[] {
  switch (node.type) {
    case "name":
    case "namespace_ref":
    case "const":
      return [];
    case "tuple":
    case "list":
    case "concat":
      return node.items;
    case "dict":
      return node.items.flat();
    case "binary":
    case "logic":
      return [node.left, node.right];
    case "unary":
    case "attribute":
      return [node.node];
    case "compare":
      return [node.first, ...node.rest.map(([, operand]) => operand)];
    case "item":
      return [node.node, node.key];
    case "slice":
      return [node.node, ...present(node.start, node.stop, node.step)];
    case "call":
    case "filter":
    case "test":
      return [...present(node.node), ...argumentsOf(node.given)];
    case "conditional":
      return [node.test, node.then, ...present(node.otherwise)];
  }
}

function argumentsOf({ args, kwargs, moreArgs, moreKwargs }: Arguments): readonly Expr[] {
  return [...args, ...kwargs.map(([, value]) => value), ...present(moreArgs, moreKwargs)];
}

function present(...nodes: readonly (Expr | null)[]): Expr[] {
  return nodes.filter((node) => node !== null);
}

/** All nodes right below a statement. */
export function partsOf(node: Statement): readonly Node[] {
  switch (node.type) {
    case "output":
      return node.parts.filter((part) => typeof part !== "string");
    case "for":
      return [node.target, node.iterable, ...node.body, ...node.otherwise, ...present(node.test)];
    case "if":
      return [node.test, ...node.body, ...node.elifs, ...node.otherwise];
    case "macro":
      return [...node.params, ...node.defaults, ...node.body];
    case "call_block":
      return [...present(node.call), ...node.params, ...node.defaults, ...node.body];
    case "filter_block":
      return [...node.body, node.filter];
    case "with":
      return [...node.targets, ...node.values, ...node.body];
    case "block":
    case "scope":
      return node.body;
    case "assign":
      return [node.target, node.value];
    case "assign_block":
      return [node.target, ...present(node.filter), ...node.body];
    case "load_template":
      return [node.template];
    case "break":
    case "continue":
      return [];
  }
}

/** Whether a node is an expression. */
export function isExpr(node: Node): node is Expr {
  return !STATEMENTS.has(node.type);
}

const STATEMENTS: ReadonlySet<string> = new Set<Statement["type"]>([
  "output",
  "for",
  "if",
  "macro",
  "call_block",
  "filter_block",
  "with",
  "block",
  "scope",
  "assign",
  "assign_block",
  "break",
  "continue",
  "load_template",
]);
