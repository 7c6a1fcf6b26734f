// Tokens to tree. Every complaint reads as Go's: `template: NAME:LINE: why`.
import { type Command, type Operand, type Pipeline, showOperand, TemplateError, type TemplateNode } from "./ast.js";
import type { FunctionTable } from "./functions.js";
import { lex, lineAt, type Token, type TokenKind } from "./lex.js";
import { unquote } from "./quote.js";

export function parse(text: string, name: string, functions: FunctionTable): readonly TemplateNode[] {
  return new Parser(text, name, functions).parseAll();
}

type Stop = "end" | "else" | "eof";

class Parser {
  private readonly tokens: readonly Token[];
  private readonly text: string;
  private readonly name: string;
  private readonly functions: FunctionTable;
  private at = 0;
  private variables: string[] = ["$"];
  private rangeDepth = 0;

  constructor(text: string, name: string, functions: FunctionTable) {
    this.text = text;
    this.name = name;
    this.functions = functions;
    this.tokens = lex(text, name);
  }

  parseAll(): readonly TemplateNode[] {
    const { nodes, stop } = this.parseList();
    if (stop !== "eof") throw this.fail(`unexpected {{${stop}}}`);
    return nodes;
  }

  private parseList(): { nodes: TemplateNode[]; stop: Stop } {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === "eof") return { nodes, stop: "eof" };
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text, pos: token.pos });
        continue;
      }
      const word = this.peekPastSpace();
      if (word.kind === "keyword" && (word.text === "end" || word.text === "else")) {
        this.next();
        return { nodes, stop: word.text };
      }
      nodes.push(this.parseAction());
    }
  }

  private parseAction(): TemplateNode {
    const token = this.peekPastSpace();
    if (token.kind !== "keyword") {
      const pipeline = this.parsePipeline("command", "close");
      return { kind: "action", pipeline, pos: token.pos };
    }
    this.next();
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return this.parseBranch(token.text, token.pos);
      case "break":
      case "continue":
        return this.parseLoopExit(token.text, token.pos);
      default:
        throw this.fail(`{{${token.text}}} is not supported`);
    }
  }

  private parseLoopExit(kind: "break" | "continue", pos: number): TemplateNode {
    this.expectClose(`{{${kind}}}`);
    if (this.rangeDepth === 0) throw this.fail(`{{${kind}}} outside {{range}}`);
    return { kind, pos };
  }

  private parseBranch(kind: "if" | "with" | "range", pos: number): TemplateNode {
    const outer = [...this.variables];
    const pipeline = this.parsePipeline(kind, "close");
    if (kind === "range") this.rangeDepth++;
    const { nodes: body, stop } = this.parseList();
    if (kind === "range") this.rangeDepth--;
    const otherwise = this.parseRest(kind, stop);
    this.variables = outer;
    return { kind, pipeline, body, otherwise, pos };
  }

  /** What follows the body: `{{end}}`, `{{else}} … {{end}}` or `{{else if …}}`. */
  private parseRest(kind: "if" | "with" | "range", stop: Stop): TemplateNode[] {
    if (stop === "eof") throw this.fail("unexpected EOF");
    if (stop === "end") {
      this.expectClose("end");
      return [];
    }
    const word = this.peekPastSpace();
    if (kind !== "range" && word.kind === "keyword" && word.text === kind) {
      this.next();
      return [this.parseBranch(kind, word.pos)];
    }
    this.expectClose("else");
    const { nodes, stop: last } = this.parseList();
    if (last === "eof") throw this.fail("unexpected EOF");
    if (last === "else") throw this.fail("expected end; found {{else}}");
    this.expectClose("end");
    return nodes;
  }

  private parsePipeline(context: string, end: TokenKind): Pipeline {
    const pos = this.peekPastSpace().pos;
    const { names, assigns } = this.parseDeclaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.peekPastSpace();
      if (token.kind === end) {
        this.next();
        break;
      }
      if (end === "rightParen" && token.kind === "close") throw this.fail("unclosed left paren");
      commands.push(this.parseCommand(context));
    }
    if (commands.length === 0) throw this.fail(`missing value for ${context}`);
    this.checkExecutable(commands);
    return { variables: names, assigns, commands, pos };
  }

  private checkExecutable(commands: readonly Command[]): void {
    commands.slice(1).forEach((command, index) => {
      const kind = command.operands[0]?.kind;
      if (kind === "bool" || kind === "dot" || kind === "nil" || kind === "number" || kind === "string") {
        throw this.fail(`non executable command in pipeline stage ${index + 2}`);
      }
    });
  }

  private parseDeclaration(context: string): { names: string[]; assigns: boolean } {
    const start = this.at;
    const names: string[] = [];
    while (this.peekPastSpace().kind === "variable") {
      names.push(this.next().text);
      const token = this.peekPastSpace();
      if (token.kind === "comma" && context === "range" && names.length < 2) {
        this.next();
        continue;
      }
      if (token.kind !== "declare" && token.kind !== "assign") break;
      this.next();
      const assigns = token.kind === "assign";
      if (assigns) for (const name of names) this.checkVariable(name);
      else this.variables.push(...names);
      return { names, assigns };
    }
    this.at = start;
    return { names: [], assigns: false };
  }

  private parseCommand(context: string): Command {
    const pos = this.peekPastSpace().pos;
    const operands: Operand[] = [];
    for (;;) {
      this.peekPastSpace();
      const operand = this.parseOperand();
      if (operand !== undefined) operands.push(operand);
      const token = this.next();
      if (token.kind === "space") continue;
      if (token.kind === "close" || token.kind === "rightParen") this.at--;
      else if (token.kind !== "pipe") throw this.unexpected(token, "operand");
      break;
    }
    if (operands.length === 0) throw this.emptyCommand(context);
    return { operands, pos };
  }

  private emptyCommand(context: string): TemplateError {
    const token = this.peekPastSpace();
    return token.kind === "rightParen"
      ? this.fail("unexpected right paren")
      : this.fail(`missing value for ${context}`);
  }

  private parseOperand(): Operand | undefined {
    const term = this.parseTerm();
    if (term === undefined || this.peek().kind !== "field") return term;
    const pos = this.peek().pos;
    const path: string[] = [];
    while (this.peek().kind === "field") path.push(this.next().text.slice(1));
    switch (term.kind) {
      case "field":
      case "variable":
        return { ...term, path: [...term.path, ...path], pos };
      case "bool":
      case "string":
      case "number":
      case "nil":
      case "dot":
        throw this.fail(`unexpected . after term "${showOperand(term)}"`);
      case "pipeline":
        return { kind: "chain", base: term.pipeline, path, pos };
      default:
        return {
          kind: "chain",
          base: { variables: [], assigns: false, commands: [{ operands: [term], pos }], pos },
          path,
          pos,
        };
    }
  }

  private parseTerm(): Operand | undefined {
    const token = this.peek();
    const term = this.termOf(token);
    if (term === undefined) return undefined;
    if (token.kind !== "leftParen") this.next();
    return term;
  }

  private termOf(token: Token): Operand | undefined {
    const { pos, text } = token;
    switch (token.kind) {
      case "identifier":
        return this.identifier(token);
      case "dot":
        return { kind: "dot", pos };
      case "field":
        return { kind: "field", path: [text.slice(1)], pos };
      case "variable":
        this.checkVariable(text);
        return { kind: "variable", name: text, path: [], pos };
      case "number":
        return { kind: "number", value: this.numberOf(text), text, pos };
      case "char":
        return { kind: "number", value: unquote(text).codePointAt(0) ?? 0, text, pos };
      case "string":
      case "rawString":
        return { kind: "string", value: unquote(text), text, pos };
      case "leftParen":
        return this.parenthesised(pos);
      default:
        return undefined;
    }
  }

  private parenthesised(pos: number): Operand {
    this.next();
    const pipeline = this.parsePipeline("parenthesized pipeline", "rightParen");
    return { kind: "pipeline", pipeline, pos };
  }

  private identifier({ pos, text }: Token): Operand {
    if (text === "true" || text === "false") return { kind: "bool", value: text === "true", pos };
    if (text === "nil") return { kind: "nil", pos };
    if (!Object.hasOwn(this.functions, text)) throw this.fail(`function "${text}" not defined`);
    return { kind: "function", name: text, pos };
  }

  private numberOf(text: string): number {
    const plain = text.replaceAll("_", "");
    const value = /^[+-]/.test(plain) ? Number(plain.slice(1)) * (plain[0] === "-" ? -1 : 1) : Number(plain);
    if (Number.isNaN(value)) throw this.fail(`bad number syntax: "${text}"`);
    return value;
  }

  private checkVariable(name: string): void {
    if (!this.variables.includes(name)) throw this.fail(`undefined variable "${name}"`);
  }

  private expectClose(context: string): void {
    this.peekPastSpace();
    const token = this.next();
    if (token.kind !== "close") throw this.unexpected(token, context);
  }

  private unexpected(token: Token, context: string): TemplateError {
    if (token.kind === "rightParen") return this.fail("unexpected right paren");
    if (token.kind === "eof") return this.fail("unclosed action");
    return this.fail(`unexpected <${token.text}> in ${context}`);
  }

  private peek(): Token {
    return this.tokens[this.at] ?? { kind: "eof", text: "", pos: this.text.length };
  }

  private peekPastSpace(): Token {
    while (this.peek().kind === "space") this.at++;
    return this.peek();
  }

  private next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  private fail(why: string): TemplateError {
    const pos = this.tokens[Math.max(0, this.at - 1)]?.pos ?? 0;
    return new TemplateError(`template: ${this.name}:${lineAt(this.text, pos)}: ${why}`);
  }
}
