// One of three members, each in a process of its own: what the process does when the bench tells it to, and the bench's
// handle on it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../../src/base/host/index.js";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import type { StateMachine } from "../../src/raft/index.js";
import type { Credentials } from "../../src/rpc/index.js";
import { memberOverLinks, type OverLinks } from "../../test/support/raft_over_links.js";
import { type Figures, type LoadOptions, load } from "./load.js";
import { putImplementation, putService } from "./put.js";
import { delayed } from "./slow-disk.js";

/** The argument that makes the bench's own program such a process. */
export const memberRole = "member-process";

/** Counts, and forgets. */
export class Counting implements StateMachine {
  applied = 0;
  apply(): void {
    this.applied += 1;
  }
  snapshot(): Iterable<Uint8Array> {
    return [new Uint8Array(64)];
  }
  async restore(): Promise<void> {}
}

interface Start {
  readonly id: number;
  readonly path: string;
  readonly credentials: Credentials;
  readonly delayMs: number;
}

/** What the bench may ask for; answers are what these resolve with. */
class MemberProcess {
  readonly #addrs = new Map<number, string>();
  readonly #machine = new Counting();
  #overLinks: OverLinks | undefined;
  #putServer: Server | undefined;

  async start({ id, path, credentials, delayMs }: Start): Promise<string> {
    this.#overLinks = await memberOverLinks({
      ...{ id, path, credentials, machine: this.#machine, bootstrap: id === 1, join: id !== 1 },
      addressOf: (other) => this.#addrs.get(other),
      wrap: (disk) => (delayMs > 0 ? delayed(disk, systemClock, delayMs) : disk),
    });
    return this.#overLinks.server.addr;
  }

  meet(addrs: readonly (readonly [number, string])[]): void {
    for (const [id, addr] of addrs) this.#addrs.set(id, addr);
  }

  /** Makes `id` a voter, as soon as it has caught up. */
  async add(id: number): Promise<void> {
    const { member } = this.#running;
    for (const kind of [ConfChangeKind.ADD_LEARNER, ConfChangeKind.ADD_VOTER]) {
      while ((await member.proposeConfChange({ kind, member: id }, member.status.term)) !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Proposers in this very process. */
  async load(options: LoadOptions & { readonly bytes: number }): Promise<Figures> {
    const { member } = this.#running;
    const { term } = member.status;
    const data = new Uint8Array(options.bytes).fill(7);
    return await load(options, () => member.propose(data, term));
  }

  /** Serves puts, without TLS; answers with its address. */
  async servePuts(): Promise<string> {
    const { member } = this.#running;
    const { term } = member.status;
    const server = new Server({ "grpc.enable_channelz": 0 });
    server.addService(
      putService,
      putImplementation((data) => member.propose(data, term)),
    );
    this.#putServer = server;
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return `127.0.0.1:${port}`;
  }

  /** Seconds of processor this process has used. */
  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  async stop(): Promise<void> {
    this.#putServer?.forceShutdown();
    await this.#overLinks?.close();
  }

  get #running(): OverLinks {
    if (this.#overLinks === undefined) throw new Error("the member has not been started");
    return this.#overLinks;
  }
}

type Calls = { readonly [Name in keyof MemberProcess]: MemberProcess[Name] };

interface Command {
  readonly name: keyof Calls;
  readonly argument: never;
}

/** In the child: does what it is told until it is told to stop. */
export function runMemberProcess(): void {
  const member = new MemberProcess();
  const obey = async ({ name, argument }: Command): Promise<void> => {
    try {
      process.send?.({ value: await member[name](argument) });
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) });
    }
    if (name === "stop") process.disconnect();
  };
  process.on("message", (command: Command) => void obey(command));
}

/** In the bench: one child, one call at a time. */
export class MemberHandle {
  readonly #child: ChildProcess;

  constructor(nodeFlags: readonly string[] = []) {
    this.#child = fork(process.argv[1] ?? "", [memberRole], { execArgv: [...nodeFlags] });
  }

  async ask<Name extends keyof Calls>(
    name: Name,
    ...[argument]: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    const answered = once(this.#child, "message");
    this.#child.send({ name, argument });
    const [answer] = (await answered) as [{ readonly value: never; readonly error?: string }];
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }

  async end(): Promise<void> {
    const exited = once(this.#child, "exit");
    await this.ask("stop");
    await exited;
  }
}
