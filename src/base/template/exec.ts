// Walks the tree over the data. One place remembers the node in hand, because error texts name it.
import {
  type Branch,
  type Command,
  type Operand,
  type Pipeline,
  showCommand,
  showOperand,
  showPipeline,
  TemplateError,
  type TemplateNode,
} from "./ast.js";
import type { FunctionTable, TemplateFunction } from "./functions.js";
import { isMap, isTrue, noField, printed, show, TemplateObject, typeName } from "./value.js";

export type MissingKey = "default" | "zero" | "error";

export interface ExecOptions {
  readonly name: string;
  readonly text: string;
  readonly functions: FunctionTable;
  readonly missingKey: MissingKey;
}

/** More characters than a label, a row or a spec ever needs. */
const outputCharactersMax = 64 * 1024 * 1024;

export function execute(nodes: readonly TemplateNode[], data: unknown, options: ExecOptions): string {
  return new Execution(data, options).run(nodes);
}

/** How a list ended: at its end, or by `break` or `continue`. */
type Flow = "on" | "break" | "continue";
type Variable = { readonly name: string; value: unknown };
type Place = { readonly pos: number; readonly context: string };
/** An absent last argument is not the same as one that is undefined. */
type Final = { readonly value: unknown } | undefined;

class Execution {
  private readonly options: ExecOptions;
  private readonly variables: Variable[];
  private readonly root: unknown;
  private output = "";
  private place: Place = { pos: 0, context: "" };

  constructor(data: unknown, options: ExecOptions) {
    this.options = options;
    this.root = data;
    this.variables = [{ name: "$", value: data }];
  }

  run(nodes: readonly TemplateNode[]): string {
    this.walkList(this.root, nodes);
    return this.output;
  }

  private walkList(dot: unknown, nodes: readonly TemplateNode[]): Flow {
    for (const node of nodes) {
      const flow = this.walk(dot, node);
      if (flow !== "on") return flow;
    }
    return "on";
  }

  private walk(dot: unknown, node: TemplateNode): Flow {
    switch (node.kind) {
      case "text":
        this.write(node.text);
        return "on";
      case "action":
        this.walkAction(dot, node.pipeline);
        return "on";
      case "if":
        return this.scoped(() =>
          this.walkList(dot, isTrue(this.pipeline(dot, node.pipeline)) ? node.body : node.otherwise),
        );
      case "with":
        return this.scoped(() => this.walkWith(dot, node));
      case "range":
        return this.scoped(() => this.walkRange(dot, node));
      case "break":
      case "continue":
        return node.kind;
      default:
        return node satisfies never;
    }
  }

  private walkAction(dot: unknown, pipeline: Pipeline): void {
    const value = this.pipeline(dot, pipeline);
    if (pipeline.variables.length > 0) return;
    if (typeof value === "function") throw this.fail(`can't print ${showPipeline(pipeline)} of type func()`);
    this.write(printed(value));
  }

  private walkWith(dot: unknown, node: Branch): Flow {
    const value = this.pipeline(dot, node.pipeline);
    return isTrue(value) ? this.walkList(value, node.body) : this.walkList(dot, node.otherwise);
  }

  private walkRange(dot: unknown, node: Branch): Flow {
    const value = this.pipeline(dot, { ...node.pipeline, variables: [] });
    const items = this.itemsOf(value);
    if (items.length === 0) return this.walkList(dot, node.otherwise);
    for (const item of items) {
      const flow = this.scoped(() => {
        this.bindRange(node.pipeline, item);
        return this.walkList(item[1], node.body);
      });
      if (flow === "break") break;
    }
    return "on";
  }

  private bindRange(pipeline: Pipeline, [key, value]: readonly [unknown, unknown]): void {
    const [first, second] = pipeline.variables;
    if (first !== undefined) this.bind(first, second === undefined ? value : key, pipeline.assigns);
    if (second !== undefined) this.bind(second, value, pipeline.assigns);
  }

  private itemsOf(value: unknown): readonly (readonly [unknown, unknown])[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((item, index) => [index, item] as const);
    if (typeof value === "number" && Number.isInteger(value))
      return Array.from({ length: value }, (_, i) => [i, i] as const);
    if (isMap(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    throw this.fail(`range can't iterate over ${show(value)}`);
  }

  private scoped(walk: () => Flow): Flow {
    const mark = this.variables.length;
    const flow = walk();
    this.variables.length = mark;
    return flow;
  }

  private bind(name: string, value: unknown, assigns: boolean): void {
    if (!assigns) {
      this.variables.push({ name, value });
      return;
    }
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw this.fail(`undefined variable: ${name}`);
    variable.value = value;
  }

  private pipeline(dot: unknown, pipeline: Pipeline): unknown {
    this.at(pipeline.pos, () => showPipeline(pipeline));
    let final: Final;
    for (const command of pipeline.commands) final = { value: this.command(dot, command, final) };
    for (const name of pipeline.variables) this.bind(name, final?.value, pipeline.assigns);
    return final?.value;
  }

  private command(dot: unknown, command: Command, final: Final): unknown {
    const [first, ...rest] = command.operands;
    if (first === undefined) throw this.fail("empty command");
    if (first.kind === "function") return this.callFunction(dot, first.name, first, command, rest, final);
    const isMethodCall = first.kind === "field" || first.kind === "variable" || first.kind === "chain";
    if (isMethodCall) return this.operandChain(dot, first, rest, final);
    this.atOperand(first);
    if (first.kind === "nil") throw this.fail("nil is not a command");
    if (rest.length > 0 || final !== undefined)
      throw this.fail(`can't give argument to non-function ${showOperand(first)}`);
    return this.operand(dot, first);
  }

  private operandChain(dot: unknown, operand: Operand, args: readonly Operand[], final: Final): unknown {
    this.atOperand(operand);
    if (operand.kind === "field") return this.fieldChain(dot, dot, operand, operand.path, args, final);
    if (operand.kind === "chain") {
      const base = this.pipeline(dot, operand.base);
      this.atOperand(operand);
      return this.fieldChain(dot, base, operand, operand.path, args, final);
    }
    if (operand.kind !== "variable") throw this.fail(`can't evaluate ${showOperand(operand)}`);
    const value = this.variable(operand.name);
    if (operand.path.length > 0) return this.fieldChain(dot, value, operand, operand.path, args, final);
    if (args.length > 0 || final !== undefined) throw this.fail(`can't give argument to non-function ${operand.name}`);
    return value;
  }

  private operand(dot: unknown, operand: Operand): unknown {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "number":
      case "string":
        return operand.value;
      case "field":
      case "variable":
      case "chain":
        return this.operandChain(dot, operand, [], undefined);
      case "function":
        return this.callFunction(dot, operand.name, operand, { operands: [operand], pos: operand.pos }, [], undefined);
      case "pipeline":
        return this.pipeline(dot, operand.pipeline);
      default:
        return operand satisfies never;
    }
  }

  private variable(name: string): unknown {
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw this.fail(`undefined variable: ${name}`);
    return variable.value;
  }

  private fieldChain(
    dot: unknown,
    receiver: unknown,
    node: Operand,
    path: readonly string[],
    args: readonly Operand[],
    final: Final,
  ): unknown {
    let value = receiver;
    path.forEach((name, index) => {
      const isLast = index === path.length - 1;
      value = this.field(dot, value, name, node, isLast ? args : [], isLast ? final : undefined);
    });
    return value;
  }

  private field(
    dot: unknown,
    receiver: unknown,
    name: string,
    node: Operand,
    args: readonly Operand[],
    final: Final,
  ): unknown {
    const given = args.length + (final === undefined ? 0 : 1);
    if (receiver === undefined || receiver === null) return this.missing(name, receiver);
    if (receiver instanceof TemplateObject) return this.member(dot, receiver, name, args, final);
    if (!isMap(receiver)) throw this.fail(`can't evaluate field ${name} in type ${typeName(receiver)}`);
    if (given > 0) throw this.fail(`${name} is not a method but has arguments`);
    if (Object.hasOwn(receiver, name)) return receiver[name];
    this.atOperand(node);
    if (this.options.missingKey === "error") throw this.fail(`map has no entry for key "${name}"`);
    return this.options.missingKey === "zero" ? zeroOf(receiver) : undefined;
  }

  private missing(name: string, receiver: unknown): unknown {
    if (receiver === null) throw this.fail(`nil pointer evaluating interface {}.${name}`);
    if (this.options.missingKey === "error") throw this.fail("nil data; no entry for key");
    return undefined;
  }

  private member(
    dot: unknown,
    receiver: TemplateObject,
    name: string,
    args: readonly Operand[],
    final: Final,
  ): unknown {
    const member = this.guard(
      (why) => why,
      () => receiver.field(name),
    );
    if (member === noField) throw this.fail(`can't evaluate field ${name} in type ${receiver.typeName}`);
    const given = args.length + (final === undefined ? 0 : 1);
    const wanted = typeof member === "function" ? member.length : 0;
    if (given !== wanted) throw this.fail(`wrong number of args for ${name}: want ${wanted} got ${given}`);
    if (typeof member !== "function") return member;
    const values = [...args.map((arg) => this.operand(dot, arg)), ...(final === undefined ? [] : [final.value])];
    return this.guard(
      (why) => `error calling ${name}: ${why}`,
      () => member.apply(receiver, values),
    );
  }

  private callFunction(
    dot: unknown,
    name: string,
    node: Operand,
    command: Command,
    args: readonly Operand[],
    final: Final,
  ): unknown {
    this.atOperand(node);
    const declared = this.options.functions[name];
    if (declared === undefined) throw this.fail(`"${name}" is not a defined function`);
    this.checkCount(name, declared, args.length + (final === undefined ? 0 : 1));
    if (declared.shortCircuit !== undefined) return this.shortCircuit(dot, declared.shortCircuit, args, final);
    const values = args.map((arg, index) => this.argument(dot, arg, declared, index));
    if (final !== undefined) values.push(this.checkedFinal(final.value, declared, args.length));
    this.at(command.pos, () => showCommand(command));
    return this.guard(
      (why) => `error calling ${name}: ${why}`,
      () => declared.call(...values),
    );
  }

  /** `and` and `or` look at no more arguments than they need. */
  private shortCircuit(dot: unknown, stopsAt: boolean, args: readonly Operand[], final: Final): unknown {
    let value: unknown;
    for (const arg of args) {
      value = this.operand(dot, arg);
      if (isTrue(value) === stopsAt) return value;
    }
    return final === undefined ? value : final.value;
  }

  private checkCount(name: string, { params, variadic }: TemplateFunction, given: number): void {
    if (variadic !== undefined && given < params.length) {
      throw this.fail(`wrong number of args for ${name}: want at least ${params.length} got ${given}`);
    }
    if (variadic === undefined && given !== params.length) {
      throw this.fail(`wrong number of args for ${name}: want ${params.length} got ${given}`);
    }
  }

  private argument(dot: unknown, arg: Operand, { params, variadic }: TemplateFunction, index: number): unknown {
    const wanted = params[index] ?? variadic ?? "any";
    this.atOperand(arg);
    const value = this.operand(dot, arg);
    this.atOperand(arg);
    if (matches(value, wanted)) return value;
    const isLiteral = arg.kind === "number" || arg.kind === "string" || arg.kind === "bool";
    if (isLiteral) throw this.fail(`expected ${goType(wanted)}; found ${showOperand(arg)}`);
    throw this.fail(`wrong type for value; expected ${goType(wanted)}; got ${typeName(value)}`);
  }

  private checkedFinal(value: unknown, { params, variadic }: TemplateFunction, index: number): unknown {
    const wanted = params[index] ?? variadic ?? "any";
    if (matches(value, wanted)) return value;
    throw this.fail(`wrong type for value; expected ${goType(wanted)}; got ${typeName(value)}`);
  }

  private guard<T>(phrase: (why: string) => string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      throw this.fail(phrase(error instanceof Error ? error.message : String(error)));
    }
  }

  private write(text: string): void {
    if (this.output.length + text.length > outputCharactersMax) throw this.fail("output too long");
    this.output += text;
  }

  private atOperand(operand: Operand): void {
    this.at(operand.pos, () => showOperand(operand));
  }

  private at(pos: number, context: () => string): void {
    this.place = {
      pos,
      get context() {
        return context();
      },
    };
  }

  private fail(why: string): TemplateError {
    const { name, text } = this.options;
    const before = text.slice(0, this.place.pos).split("\n");
    const where = `${name}:${before.length}:${before.at(-1)?.length ?? 0}`;
    return new TemplateError(
      `template: ${where}: executing ${JSON.stringify(name)} at <${this.place.context}>: ${why}`,
    );
  }
}

/** missingkey=zero gives the element type's zero value; all we can know is when a map holds only text. */
function zeroOf(map: Readonly<Record<string, unknown>>): unknown {
  return typeName(map) === "map[string]string" ? "" : undefined;
}

function matches(value: unknown, wanted: string): boolean {
  switch (wanted) {
    case "string":
      return typeof value === "string";
    case "int":
      return typeof value === "number" && Number.isInteger(value);
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    default:
      return true;
  }
}

function goType(wanted: string): string {
  return wanted === "strings" ? "[]string" : wanted;
}
