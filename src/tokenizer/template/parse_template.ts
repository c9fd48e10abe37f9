/**
 * Parses a template into its syntax tree: Jinja's own statements, loop controls, and the `generation` tag of
 * `transformers`.
 *
 * @module
 */
import type {
  AssignBlockNode,
  AssignNode,
  BlockNode,
  CallBlockNode,
  Expr,
  FilterBlockNode,
  ForNode,
  IfNode,
  LoadNode,
  MacroNode,
  NameNode,
  OutputNode,
  ScopeNode,
  Signature,
  Statement,
  WithNode,
} from "./ast.ts";
import { tokenize } from "./lexer.ts";
import { ExpressionParser } from "./parse_expression.ts";
import { TokenStream } from "./token_stream.ts";

/** The statements of a template. @throws {PythonError} when it is malformed */
export function parseTemplate(source: string): readonly Statement[] {
  return new TemplateParser(new TokenStream(tokenize(source))).template();
}

class TemplateParser extends ExpressionParser {
  /** Tags that would end the bodies being parsed, innermost last. */
  readonly #ends: (readonly string[])[] = [];
  readonly #tags: Readonly<Record<string, () => Statement>> = {
    for: () => this.#for(),
    if: () => this.#if(),
    set: () => this.#set(),
    macro: () => this.#macro(),
    call: () => this.#call(),
    generation: () => this.#generation(),
    filter: () => this.#filterBlock(),
    with: () => this.#with(),
    print: () => this.#print(),
    block: () => this.#block(),
    autoescape: () => this.#autoescape(),
    break: () => this.#loopControl("break"),
    continue: () => this.#loopControl("continue"),
    include: () => this.#load(),
    import: () => this.#load(),
    from: () => this.#load(),
    extends: () => this.#load(),
  };

  template(): readonly Statement[] {
    return this.#statements([]);
  }

  /** Statements up to one of the tags `ends`, at which it stops. */
  #statements(ends: readonly string[]): readonly Statement[] {
    const statements: Statement[] = [];
    let parts: (string | Expr)[] = [];
    const flush = () => {
      if (parts.length > 0) statements.push({ type: "output", parts });
      parts = [];
    };
    this.#ends.push(ends);
    while (!this.stream.at("eof")) {
      const token = this.stream.take();
      if (token.type === "data") parts.push(token.text);
      else if (token.type === "variable_begin") {
        parts.push(this.tuple());
        this.stream.expect("variable_end");
      } else {
        flush();
        if (this.stream.at("name") && ends.includes(this.stream.current.text)) {
          this.#ends.pop();
          return statements;
        }
        statements.push(this.#statement());
        this.stream.expect("block_end");
      }
    }
    flush();
    if (ends.length > 0) throw this.#unknown(null);
    this.#ends.pop();
    return statements;
  }

  #statement(): Statement {
    const { type, text } = this.stream.current;
    if (type !== "name") throw this.stream.error("tag name expected");
    if (!Object.hasOwn(this.#tags, text)) throw this.#unknown(text);
    const tag = this.stream.take();
    try {
      return this.#tags[text]!();
    } catch (error) {
      throw error instanceof RangeError ? this.stream.error("nested too deep", tag.line) : error;
    }
  }

  #unknown(name: string | null): Error {
    const ends = this.#ends.at(-1) ?? [];
    const message = name === null ? "Unexpected end of template." : `Encountered unknown tag '${name}'.`;
    const wanted = ends.map((end) => `'${end}'`).join(" or ");
    if (wanted === "") return this.stream.error(message);
    return this.stream.error(`${message} Jinja was looking for the following tags: ${wanted}.`);
  }

  /** The body of a tag, and the tag that ends it. */
  #body(...ends: readonly string[]): readonly Statement[] {
    this.stream.skipOperator(":");
    this.stream.expect("block_end");
    return this.#statements(ends);
  }

  /** A body whose ending tag is taken too. */
  #wholeBody(end: string): readonly Statement[] {
    const body = this.#body(end);
    this.stream.take();
    return body;
  }

  #for(): ForNode {
    const target = this.target({ endName: "in" });
    this.stream.expect("name", "in");
    const iterable = this.tuple({ conditional: false, endName: "recursive" });
    const test = this.stream.skipName("if") ? this.expression() : null;
    const recursive = this.stream.skipName("recursive");
    const body = this.#body("endfor", "else");
    const otherwise = this.stream.take().text === "endfor" ? [] : this.#wholeBody("endfor");
    return { type: "for", target, iterable, test, recursive, body, otherwise };
  }

  #if(): IfNode {
    const test = this.tuple({ conditional: false });
    const body = this.#body("elif", "else", "endif");
    const elifs: IfNode[] = [];
    let ending = this.stream.take().text;
    while (ending === "elif") {
      const elif = this.tuple({ conditional: false });
      elifs.push({
        type: "if",
        test: elif,
        body: this.#body("elif", "else", "endif"),
        elifs: [],
        otherwise: [],
      });
      ending = this.stream.take().text;
    }
    const otherwise = ending === "else" ? this.#wholeBody("endif") : [];
    return { type: "if", test, body, elifs, otherwise };
  }

  #set(): AssignNode | AssignBlockNode {
    const target = this.target({ withNamespace: true });
    if (this.stream.skipOperator("=")) return { type: "assign", target, value: this.tuple() };
    const filter = this.filters(null);
    return { type: "assign_block", target, filter, body: this.#wholeBody("endset") };
  }

  #macro(): MacroNode {
    const name = this.targetName();
    const signature = this.#signature();
    return { type: "macro", name, ...signature, body: this.#wholeBody("endmacro") };
  }

  #signature(): Signature {
    const params: NameNode[] = [];
    const defaults: Expr[] = [];
    this.stream.expect("operator", "(");
    while (!this.stream.isOperator(")")) {
      if (params.length > 0) this.stream.expect("operator", ",");
      params.push({ type: "name", name: this.targetName(), use: "param" });
      if (this.stream.skipOperator("=")) defaults.push(this.expression());
      else if (defaults.length > 0) throw this.stream.error("non-default argument follows default argument");
    }
    this.stream.expect("operator", ")");
    return { params, defaults };
  }

  #call(): CallBlockNode {
    const signature = this.stream.isOperator("(") ? this.#signature() : { params: [], defaults: [] };
    const call = this.expression();
    if (call.type !== "call") throw this.stream.error("expected call");
    return { type: "call_block", call, ...signature, body: this.#wholeBody("endcall") };
  }

  #generation(): CallBlockNode {
    return {
      type: "call_block",
      call: null,
      params: [],
      defaults: [],
      body: this.#wholeBody("endgeneration"),
    };
  }

  #filterBlock(): FilterBlockNode {
    let filter = this.filter(null);
    while (this.stream.skipOperator("|")) filter = this.filter(filter);
    return { type: "filter_block", filter, body: this.#wholeBody("endfilter") };
  }

  #with(): WithNode {
    const targets: Expr[] = [];
    const values: Expr[] = [];
    while (!this.stream.at("block_end")) {
      if (targets.length > 0) this.stream.expect("operator", ",");
      targets.push(this.target({ use: "param" }));
      this.stream.expect("operator", "=");
      values.push(this.expression());
    }
    return { type: "with", targets, values, body: this.#wholeBody("endwith") };
  }

  #print(): OutputNode {
    const parts: Expr[] = [];
    while (!this.stream.at("block_end")) {
      if (parts.length > 0) this.stream.expect("operator", ",");
      parts.push(this.expression());
    }
    return { type: "output", parts };
  }

  #block(): BlockNode {
    const { text: name } = this.stream.expect("name");
    this.stream.skipName("scoped");
    if (this.stream.isName("required")) throw this.stream.error(`Required block '${name}' not found`);
    const body = this.#wholeBody("endblock");
    this.stream.skipName(name);
    return { type: "block", name, body };
  }

  /** Chat templates are text: only the state that is set already can be asked for. */
  #autoescape(): ScopeNode {
    const value = this.expression();
    if (value.type !== "const" || value.value !== false) {
      throw this.stream.error("Cannot parse autoescape: only autoescape false is supported");
    }
    return { type: "scope", body: this.#wholeBody("endautoescape") };
  }

  #loopControl(type: "break" | "continue"): Statement {
    return { type };
  }

  #load(): LoadNode {
    const template = this.expression();
    const targets: string[] = [];
    while (!this.stream.at("block_end") && !this.stream.at("eof")) {
      const token = this.stream.take();
      if (token.type === "name") targets.push(token.text);
    }
    return { type: "load_template", template, targets };
  }
}
