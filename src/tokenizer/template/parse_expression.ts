/**
 * Parses expressions. Precedence, from loose to tight: inline `if`, `or`, `and`, `not`, comparisons, `+ -`, `~`,
 * `* / // %`, `**`, signs, postfix and filters.
 *
 * @module
 */
import type { Arguments, BinaryNode, CallNode, Comparison, Expr, FilterNode, NameUse } from "./ast.ts";
import { describe, type TokenStream } from "./token_stream.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);
const NO_ARGUMENTS: Arguments = { args: [], kwargs: [], moreArgs: null, moreKwargs: null };

/** How {@link ExpressionParser.tuple} reads. */
export interface TupleOptions {
  /** Only names and literals. */
  readonly simplified?: boolean;
  /** Default true. */
  readonly conditional?: boolean;
  /** A name that ends the tuple. */
  readonly endName?: string;
  /** In parentheses an empty tuple is one. */
  readonly inParentheses?: boolean;
  /** `ns.attr` may be assigned to. */
  readonly withNamespace?: boolean;
}

/** What an assignment may go to. */
export interface TargetOptions {
  readonly endName?: string;
  readonly withNamespace?: boolean;
  readonly use?: NameUse;
}

/** Parses what stands within tags. */
export class ExpressionParser {
  constructor(protected readonly stream: TokenStream) {}

  expression(conditional = true): Expr {
    return conditional ? this.#conditional() : this.#or();
  }

  /** One expression, or several with commas between them as a tuple. */
  tuple(options: TupleOptions = {}): Expr {
    const items: Expr[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expect("operator", ",");
      if (this.#atTupleEnd(options.endName)) break;
      items.push(
        options.simplified ? this.#primary(options.withNamespace) : this.expression(options.conditional),
      );
      if (!this.stream.isOperator(",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length > 0) return items[0]!;
    if (!isTuple && !options.inParentheses) {
      throw this.stream.error(`Expected an expression, got '${describe(this.stream.current)}'`);
    }
    return { type: "tuple", items };
  }

  /** What is assigned to. @throws {PythonError} when nothing can be assigned to it */
  target({ endName, withNamespace = false, use = "store" }: TargetOptions = {}): Expr {
    const target = this.tuple({
      simplified: true,
      withNamespace,
      ...(endName === undefined ? {} : { endName }),
    });
    return this.#assignable(target, use);
  }

  /** A name that is assigned to. */
  targetName(): string {
    const { text } = this.stream.expect("name");
    if (CONSTANTS.has(text)) throw this.stream.error("can't assign to 'name'");
    return text;
  }

  /** Filters after `node`, each with its `|`. */
  filters(node: Expr | null): FilterNode | null {
    let filter: FilterNode | null = null;
    while (this.stream.skipOperator("|")) filter = this.filter(filter ?? node);
    return filter;
  }

  /** One filter without its `|`. */
  filter(node: Expr | null): FilterNode {
    const { line } = this.stream.current;
    const name = this.#dottedName();
    const given = this.stream.isOperator("(") ? this.#arguments() : NO_ARGUMENTS;
    return { type: "filter", node, name, given, line };
  }

  #assignable(target: Expr, use: NameUse): Expr {
    if (target.type === "tuple") { for (const item of target.items) this.#assignable(item, use); }
    else if (target.type === "name") target.use = use;
    else if (target.type !== "namespace_ref") throw this.stream.error(`can't assign to '${target.type}'`);
    return target;
  }

  #atTupleEnd(endName: string | undefined): boolean {
    if (this.stream.at("variable_end") || this.stream.at("block_end") || this.stream.isOperator(")")) {
      return true;
    }
    return endName !== undefined && this.stream.isName(endName);
  }

  #conditional(): Expr {
    let { line } = this.stream.current;
    let node = this.#or();
    while (this.stream.skipName("if")) {
      const test = this.#or();
      const otherwise = this.stream.skipName("else") ? this.#conditional() : null;
      node = { type: "conditional", test, then: node, otherwise, line };
      line = this.stream.current.line;
    }
    return node;
  }

  #or(): Expr {
    let left = this.#and();
    while (this.stream.skipName("or")) left = { type: "logic", operator: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expr {
    let left = this.#not();
    while (this.stream.skipName("and")) left = { type: "logic", operator: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expr {
    return this.stream.skipName("not")
      ? { type: "unary", operator: "not", node: this.#not() }
      : this.#compare();
  }

  #compare(): Expr {
    const first = this.#sum();
    const rest: [Comparison, Expr][] = [];
    for (let operator = this.#comparison(); operator !== null; operator = this.#comparison()) {
      rest.push([operator, this.#sum()]);
    }
    return rest.length === 0 ? first : { type: "compare", first, rest };
  }

  #comparison(): Comparison | null {
    const { type, text } = this.stream.current;
    if (type === "operator" && COMPARISONS.has(text)) return this.stream.take().text as Comparison;
    if (this.stream.skipName("in")) return "in";
    const { next } = this.stream;
    if (!this.stream.isName("not") || next.type !== "name" || next.text !== "in") return null;
    this.stream.take();
    this.stream.take();
    return "not in";
  }

  #sum(): Expr {
    return this.#binary(["+", "-"], () => this.#concat());
  }

  #concat(): Expr {
    const items = [this.#product()];
    while (this.stream.skipOperator("~")) items.push(this.#product());
    return items.length === 1 ? items[0]! : { type: "concat", items };
  }

  #product(): Expr {
    return this.#binary(["*", "/", "//", "%"], () => this.#power());
  }

  #power(): Expr {
    return this.#binary(["**"], () => this.#unary());
  }

  #binary(operators: readonly BinaryNode["operator"][], operand: () => Expr): Expr {
    let left = operand();
    for (;;) {
      const operator = operators.find((text) => this.stream.isOperator(text));
      if (operator === undefined) return left;
      this.stream.take();
      left = { type: "binary", operator, left, right: operand() };
    }
  }

  #unary(withFilter = true): Expr {
    let node: Expr;
    if (this.stream.skipOperator("-")) node = { type: "unary", operator: "-", node: this.#unary(false) };
    else if (this.stream.skipOperator("+")) node = { type: "unary", operator: "+", node: this.#unary(false) };
    else node = this.#primary();
    node = this.#postfix(node);
    return withFilter ? this.#filtersAndTests(node) : node;
  }

  #primary(withNamespace = false): Expr {
    const token = this.stream.current;
    if (token.type === "name") return this.#name(withNamespace);
    if (token.type === "string") return { type: "const", value: this.#strings() };
    if (token.type === "number") return { type: "const", value: this.stream.take().value };
    if (this.stream.skipOperator("(")) {
      const node = this.tuple({ inParentheses: true });
      this.stream.expect("operator", ")");
      return node;
    }
    if (this.stream.skipOperator("[")) {
      return {
        type: "list",
        items: this.#until("]", () => this.expression()),
      };
    }
    if (this.stream.skipOperator("{")) return { type: "dict", items: this.#until("}", () => this.#pair()) };
    throw this.stream.error(`unexpected '${describe(token)}'`);
  }

  #name(withNamespace: boolean): Expr {
    const { text } = this.stream.take();
    const value = CONSTANTS.get(text);
    if (value !== undefined) return { type: "const", value };
    if (withNamespace && this.stream.skipOperator(".")) {
      return { type: "namespace_ref", name: text, attribute: this.stream.expect("name").text };
    }
    return { type: "name", name: text, use: "load" };
  }

  /** Strings that stand side by side are one. */
  #strings(): string {
    let text = "";
    while (this.stream.at("string")) text += this.stream.take().text;
    return text;
  }

  #until<T>(closer: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.stream.isOperator(closer)) {
      if (items.length > 0) this.stream.expect("operator", ",");
      if (this.stream.isOperator(closer)) break;
      items.push(item());
    }
    this.stream.expect("operator", closer);
    return items;
  }

  #pair(): [Expr, Expr] {
    const key = this.expression();
    this.stream.expect("operator", ":");
    return [key, this.expression()];
  }

  #postfix(node: Expr): Expr {
    for (let result = node;;) {
      if (this.stream.skipOperator(".")) result = this.#member(result);
      else if (this.stream.skipOperator("[")) result = this.#subscript(result);
      else if (this.stream.isOperator("(")) result = this.#call(result);
      else return result;
    }
  }

  #filtersAndTests(node: Expr): Expr {
    for (let result = node;;) {
      if (this.stream.isOperator("|")) result = this.filters(result)!;
      else if (this.stream.skipName("is")) result = this.#test(result);
      else if (this.stream.isOperator("(")) result = this.#call(result);
      else return result;
    }
  }

  #member(node: Expr): Expr {
    const token = this.stream.take();
    if (token.type === "name") return { type: "attribute", node, name: token.text };
    if (token.type === "number" && (typeof token.value === "number" || typeof token.value === "bigint")) {
      return { type: "item", node, key: { type: "const", value: token.value } };
    }
    throw this.stream.error("expected name or number", token.line);
  }

  #subscript(node: Expr): Expr {
    const keys: (Expr | SliceBounds)[] = [];
    while (!this.stream.isOperator("]")) {
      if (keys.length > 0) this.stream.expect("operator", ",");
      keys.push(this.#subscribed());
    }
    this.stream.expect("operator", "]");
    const [key] = keys;
    if (keys.length === 1 && key !== undefined) {
      return "type" in key ? { type: "item", node, key } : { type: "slice", node, ...key };
    }
    const items = keys.filter((item) => "type" in item);
    if (items.length < keys.length) throw this.stream.error("Cannot subscribe: a slice among several keys");
    return { type: "item", node, key: { type: "tuple", items } };
  }

  #subscribed(): Expr | SliceBounds {
    let start: Expr | null = null;
    if (!this.stream.isOperator(":")) {
      start = this.expression();
      if (!this.stream.isOperator(":")) return start;
    }
    this.stream.take();
    const stop = this.#bound();
    const step = this.stream.skipOperator(":") ? this.#bound() : null;
    return { start, stop, step };
  }

  #bound(): Expr | null {
    const isOpen = [":", "]", ","].some((text) => this.stream.isOperator(text));
    return isOpen ? null : this.expression();
  }

  #call(node: Expr): CallNode {
    return { type: "call", node, given: this.#arguments() };
  }

  #arguments(): Arguments {
    const { line } = this.stream.expect("operator", "(");
    const args: Expr[] = [];
    const kwargs: [string, Expr][] = [];
    let moreArgs: Expr | null = null;
    let moreKwargs: Expr | null = null;
    const ensure = (isValid: boolean) => {
      if (!isValid) throw this.stream.error("invalid syntax for function call expression", line);
    };
    for (let isFirst = true; !this.stream.isOperator(")"); isFirst = false) {
      if (!isFirst) this.stream.expect("operator", ",");
      if (this.stream.isOperator(")")) break;
      if (this.stream.skipOperator("*")) {
        ensure(moreArgs === null && moreKwargs === null);
        moreArgs = this.expression();
      } else if (this.stream.skipOperator("**")) {
        ensure(moreKwargs === null);
        moreKwargs = this.expression();
      } else if (
        this.stream.at("name") && this.stream.next.type === "operator" && this.stream.next.text === "="
      ) {
        ensure(moreKwargs === null);
        const key = this.stream.take().text;
        this.stream.take();
        ensure(!kwargs.some(([other]) => other === key));
        kwargs.push([key, this.expression()]);
      } else {
        ensure(moreArgs === null && moreKwargs === null && kwargs.length === 0);
        args.push(this.expression());
      }
    }
    this.stream.expect("operator", ")");
    return { args, kwargs, moreArgs, moreKwargs };
  }

  #dottedName(): string {
    let name = this.stream.expect("name").text;
    while (this.stream.skipOperator(".")) name += "." + this.stream.expect("name").text;
    return name;
  }

  #test(node: Expr): Expr {
    const { line } = this.stream.current;
    const isNegated = this.stream.skipName("not");
    const name = this.#dottedName();
    const test: Expr = { type: "test", node, name, given: this.#testArguments(), line };
    return isNegated ? { type: "unary", operator: "not", node: test } : test;
  }

  /** `is divisibleby 3` needs no parentheses around a single argument. */
  #testArguments(): Arguments {
    if (this.stream.isOperator("(")) return this.#arguments();
    const { type } = this.stream.current;
    const beginsArgument = type === "name" || type === "string" || type === "number" ||
      this.stream.isOperator("[") || this.stream.isOperator("{");
    const isKeyword = ["else", "or", "and"].some((keyword) => this.stream.isName(keyword));
    if (!beginsArgument || isKeyword) return NO_ARGUMENTS;
    if (this.stream.isName("is")) throw this.stream.error("You cannot chain multiple tests with is");
    return { ...NO_ARGUMENTS, args: [this.#postfix(this.#primary())] };
  }
}

interface SliceBounds {
  readonly start: Expr | null;
  readonly stop: Expr | null;
  readonly step: Expr | null;
}
