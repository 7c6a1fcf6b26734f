// What a command does, known before it starts: what it writes when, when it ends and how, and which signals end it.
// Known are the commands of the acceptance suite, on busybox: sleep, true, false, echo, exit, httpd, and sh -c with
// those. Anything else, and no command at all (the image's own), is a server: it runs for ever and ends with 0 when asked.

import { type Command, commandsOf } from "./shell.js";
import { signalNumber } from "./signals.js";

export interface Program {
  readonly output: readonly { readonly afterMs: number; readonly stream: "stdout" | "stderr"; readonly text: string }[];
  /** Absent = it runs until something ends it. */
  readonly exit?: { readonly afterMs: number; readonly code: number };
  /** Signal number → exit code. */
  readonly traps: ReadonlyMap<number, number>;
  /** It ends with 0 on the stop signal; the known commands, as process 1, ignore what they have no trap for. */
  readonly isServer: boolean;
}

const server: Program = { output: [], traps: new Map(), isServer: true };
/** Known, and never ends by itself. */
const endless: Program = { ...server, isServer: false };

/** `interactive`: its input stays open, so a shell waits for it. */
export function programOf(argv: readonly string[], interactive: boolean): Program {
  const [path, ...rest] = argv;
  if (path === undefined || path === "") return server;
  const name = path.split("/").at(-1) ?? "";
  if (name === "busybox" && rest.length > 0) return programOf(rest, interactive);
  if (name === "sh" || name === "ash") return shellProgram(rest, interactive);
  return simple(name, rest) ?? server;
}

function simple(name: string, rest: readonly string[]): Program | undefined {
  switch (name) {
    case "true":
      return ending(0, 0);
    case "false":
      return ending(0, 1);
    case "echo":
      return { ...ending(0, 0), output: [{ afterMs: 0, ...echoed(rest) }] };
    case "sleep":
      return sleeping(rest);
    case "httpd":
      // Without -f it goes into the background, and the container ends.
      return rest.some((word) => /^-[a-z]*f/.test(word)) ? endless : ending(0, 0);
    default:
      return undefined;
  }
}

function ending(afterMs: number, code: number): Program {
  return { ...endless, exit: { afterMs, code } };
}

const sleepUnits: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

function sleeping(words: readonly string[]): Program {
  if (words[0] === "infinity") return endless;
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(words[0] ?? "");
  if (!match)
    return {
      ...ending(0, 1),
      output: [{ afterMs: 0, stream: "stderr", text: `sleep: invalid number '${words[0] ?? ""}'` }],
    };
  return ending(Number(match[1]) * (sleepUnits[match[2] ?? ""] ?? 1) * 1000, 0);
}

function echoed(words: readonly string[]): { stream: "stdout" | "stderr"; text: string } {
  const isError = words.at(-1) === ">&2";
  return { stream: isError ? "stderr" : "stdout", text: (isError ? words.slice(0, -1) : words).join(" ") };
}

function shellProgram(rest: readonly string[], interactive: boolean): Program {
  if (rest[0] !== "-c") return interactive ? endless : ending(0, 0);
  const commands = commandsOf(rest[1] ?? "");
  return commands ? new Shell().run(commands) : server;
}

/** Runs a script ahead of time: every command it knows has a length known at the start. */
class Shell {
  #nowMs = 0;
  #status = 0;
  #background: Program[] = [];
  readonly #output: Program["output"][number][] = [];
  readonly #traps = new Map<number, number>();

  run(commands: readonly Command[]): Program {
    for (const command of commands) {
      if (command.after === "&&" && this.#status !== 0) continue;
      if (command.after === "||" && this.#status === 0) continue;
      const end = this.#step(command);
      if (end) return end;
    }
    return this.#ended(this.#status);
  }

  /** The whole program when this command is its last. */
  #step(command: Command): Program | undefined {
    const [name = "", ...rest] = command.words;
    if (name === "exec") return this.#step({ ...command, words: rest }) ?? this.#ended(this.#status);
    if (name === "exit") return this.#ended(Number(rest[0] ?? this.#status) & 255);
    if (name === "trap") return this.#trap(rest);
    if (name === "wait") return this.#await();
    const program = simple(name, rest);
    if (!program) return { ...server, output: this.#output, traps: this.#traps };
    if (command.background) return void this.#background.push(program);
    return this.#foreground(program);
  }

  #foreground(program: Program): Program | undefined {
    for (const each of program.output) this.#output.push({ ...each, afterMs: this.#nowMs + each.afterMs });
    if (!program.exit) return this.#endless();
    this.#nowMs += program.exit.afterMs;
    this.#status = program.exit.code;
    return undefined;
  }

  #await(): Program | undefined {
    for (const program of this.#background) {
      if (!program.exit) return this.#endless();
      this.#nowMs = Math.max(this.#nowMs, program.exit.afterMs);
    }
    this.#background = [];
    this.#status = 0;
    return undefined;
  }

  /** `trap 'exit 3' TERM INT`: other actions are ignored signals. */
  #trap(words: readonly string[]): undefined {
    const code = /^exit(?:\s+(\d+))?$/.exec(words[0]?.trim() ?? "");
    for (const name of words.slice(1)) if (code) this.#traps.set(signalNumber(name), Number(code[1] ?? 0));
  }

  #ended(code: number): Program {
    return { ...this.#endless(), exit: { afterMs: this.#nowMs, code } };
  }

  #endless(): Program {
    return { output: this.#output, traps: this.#traps, isServer: false };
  }
}
