// A bench's own program as a child process: what it can be asked, and the bench's handle on it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a child may be asked: one argument each; answers are what the calls resolve with. */
type Calls = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly number: number;
  readonly name: string;
  readonly argument: never;
}

interface Answer {
  readonly number: number;
  readonly value: never;
  readonly error?: string;
}

/** In the child: answers until the bench is gone. */
export function answerAsChild(calls: Calls): void {
  const answer = async ({ number, name, argument }: Question): Promise<void> => {
    try {
      process.send?.({ number, value: await calls[name]?.(argument) });
    } catch (error) {
      process.send?.({ number, error: error instanceof Error ? error.stack : String(error) });
    }
  };
  process.on("message", (question: Question) => void answer(question));
  process.on("disconnect", () => process.exit(0));
  // The bench may go in the middle of an answer.
  process.on("error", () => process.exit(1));
}

/** In the bench: a child that runs this same program with `role` as its only argument. */
export class Child<Asked extends Calls> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #number = 0;

  constructor(role: string, nodeFlags: readonly string[] = []) {
    this.#child = fork(process.argv[1] ?? "", [role], { execArgv: [...nodeFlags] });
    this.#child.on("message", (answer: Answer) => this.#waiting.get(answer.number)?.(answer));
    this.#child.on("exit", (code) => {
      for (const [number, tell] of this.#waiting) {
        tell({ number, value: undefined as never, error: `the ${role} ended with ${code}` });
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask<Name extends keyof Asked & string>(
    name: Name,
    ...[argument]: Parameters<Asked[Name]>
  ): Promise<Awaited<ReturnType<Asked[Name]>>> {
    this.#number += 1;
    const number = this.#number;
    const { value, error } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.send({ number, name, argument });
    });
    this.#waiting.delete(number);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
