// A host's network line to the managers: messages travel as bytes, take time, keep their order, wait while the line is cut,
// and are lost with the program at either end.

import { type Clock, Queue, SwarmError } from "../../base/index.js";
import { AgentMessage, ManagerMessage } from "../../gen/skep/v1/dispatcher.js";
import type { Connection } from "../../worker/index.js";
import type { SimProgram } from "./program.js";
import { type PublishAccept, publishOver } from "./publication.js";

/** Messages that may wait for a reader. */
const queueMax = 10_000;
/** A connection that nobody answers is given up after this long. */
const connectMs = 5_000;
/** What the protocol allows (dispatcher.proto), with its frame. */
const messageBytesMax = 64 * 1024;

export type AgentSays = NonNullable<AgentMessage["message"]>;
export type ManagerSays = NonNullable<ManagerMessage["message"]>;

/** The end of the manager at `address`: answers a session, or undefined when nobody listens. */
export type Accept = (
  address: string,
  incoming: AsyncIterable<AgentMessage>,
  signal: AbortSignal,
) => Accepted | undefined;

export interface Accepted {
  readonly program: SimProgram;
  readonly answer: AsyncIterable<ManagerMessage>;
  /** Takes log lines of the same node. */
  readonly publish: PublishAccept;
}

/** Told of each message as it arrives. */
export interface LinkEvents {
  readonly agentSaid: (message: AgentSays) => void;
  readonly managerSaid: (message: ManagerSays) => void;
  /** Something travelled that the protocol forbids. */
  readonly wrong: (what: string) => void;
}

export interface LinkOptions {
  readonly delayMs: number;
}

/** From the host to a manager, or back. */
export type Way = "there" | "back";

export interface LinkModules extends LinkEvents {
  readonly clock: Clock;
  readonly accept: Accept;
  /** Does the network carry anything between the host and this manager? */
  readonly isOpen?: (address: string, way: Way) => boolean;
}

type Carry = (way: Way, fn: () => void) => void;

export class Link {
  readonly #delayMs: number;
  readonly #clock: Clock;
  readonly #accept: Accept;
  readonly #events: LinkEvents;
  readonly #isOpen: (address: string, way: Way) => boolean;
  readonly #wires = new Set<Wire>();
  /** What arrived where nothing came through. */
  #held: { readonly address: string; readonly way: Way; readonly deliver: () => void }[] = [];
  #isCut = false;

  constructor(options: LinkOptions, modules: LinkModules) {
    this.#delayMs = options.delayMs;
    this.#clock = modules.clock;
    this.#accept = modules.accept;
    this.#events = modules;
    this.#isOpen = modules.isOpen ?? (() => true);
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Connections that at least one end holds. */
  get connections(): number {
    return this.#wires.size;
  }

  /** From now on nothing arrives, and nobody is told. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was under way arrives now. */
  heal(): void {
    this.#isCut = false;
    this.flush();
  }

  /** The network may carry again what it did not. */
  flush(): void {
    for (const held of this.#held.splice(0)) {
      if (this.#passes(held.address, held.way)) held.deliver();
      else this.#held.push(held);
    }
  }

  /** Every connection is broken: both ends learn it as soon as the line lets them. */
  reset(): void {
    for (const wire of this.#wires) wire.reset();
  }

  /** Opens a connection to the manager at `address`, for a program of the host. */
  async connect(program: SimProgram, signal: AbortSignal, address: string): Promise<Connection> {
    const carry: Carry = (way, fn) => this.#carry(address, way, fn);
    const wire = new Wire(carry, this.#events);
    const accept: WireAccept = (...ends) => this.#accept(address, ...ends);
    const isOpen = await program.call(() => this.#dial({ wire, accept, carry }, program, signal));
    signal.throwIfAborted();
    if (!isOpen) {
      wire.reset();
      throw new SwarmError("Unavailable", "the manager cannot be reached");
    }
    this.#wires.add(wire);
    const forget = program.onEnd(() => wire.reset());
    wire.onOver(() => {
      this.#wires.delete(wire);
      forget();
    });
    return wire.agentEnd(program);
  }

  /** There and back; false when nobody listens, or nobody answers in time. */
  #dial(
    { wire, accept, carry }: { readonly wire: Wire; readonly accept: WireAccept; readonly carry: Carry },
    program: SimProgram,
    signal: AbortSignal,
  ): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isOpen: boolean): void => {
        signal.removeEventListener("abort", giveUp);
        timer.cancel();
        resolve(isOpen);
      };
      const giveUp = (): void => end(false);
      const timer = program.clock.after(connectMs, giveUp);
      signal.addEventListener("abort", giveUp, { once: true });
      carry("there", () => {
        const isOpen = !program.isDead && !signal.aborted && wire.open(accept);
        carry("back", () => end(isOpen));
      });
    });
  }

  #carry(address: string, way: Way, deliver: () => void): void {
    this.#clock.after(this.#delayMs, () => {
      if (this.#passes(address, way)) deliver();
      else this.#held.push({ address, way, deliver });
    });
  }

  #passes(address: string, way: Way): boolean {
    return !this.#isCut && this.#isOpen(address, way);
  }
}

/** As the manager that was dialled. */
type WireAccept = (incoming: AsyncIterable<AgentMessage>, signal: AbortSignal) => ReturnType<Accept>;

/** One connection, both ends of it. */
class Wire {
  readonly #carry: Carry;
  readonly #events: LinkEvents;
  readonly #toManager = new Queue<AgentMessage>("messages to the manager", queueMax);
  readonly #toAgent = new Queue<ManagerMessage>("messages to the agent", queueMax);
  readonly #managerGone = new AbortController();
  readonly #overListeners: (() => void)[] = [];
  #manager: SimProgram | undefined;
  #publish: PublishAccept | undefined;
  #isAgentOver = false;
  #isReset = false;

  constructor(carry: Carry, events: LinkEvents) {
    this.#carry = carry;
    this.#events = events;
  }

  onOver(fn: () => void): void {
    this.#overListeners.push(fn);
  }

  /** The manager's side begins; false when nobody listens. */
  open(accept: WireAccept): boolean {
    if (this.#isReset) return false;
    const { signal } = this.#managerGone;
    const accepted = accept(this.#toManager, signal);
    if (!accepted) return false;
    this.#manager = accepted.program;
    this.#publish = accepted.publish;
    this.onOver(accepted.program.onEnd(() => this.reset()));
    void this.#serve(accepted.program, accepted.answer, signal);
    return true;
  }

  agentEnd(program: SimProgram): Connection {
    return {
      send: (message) => {
        if (program.isDead) return new Promise(() => {});
        if (this.#isAgentOver) return Promise.reject(brokenOff());
        const bytes = AgentMessage.encode(message).finish();
        this.#check(bytes, "an agent");
        this.#carry("there", () => this.#hear(bytes));
        return Promise.resolve();
      },
      messages: program.stream(this.#toAgent),
      publish: (batches, signal) => {
        const [manager, accept] = [this.#manager, this.#publish];
        if (!manager || !accept || this.#isAgentOver) return Promise.reject(brokenOff());
        return publishOver({ agent: program, manager, accept, carry: this.#carry }, batches, signal);
      },
      close: () => {
        this.#isAgentOver = true;
        this.#carry("there", () => this.#endManager(new SwarmError("Unavailable", "the other side is gone")));
      },
    };
  }

  reset(): void {
    if (this.#isReset) return;
    this.#isReset = true;
    this.#carry("back", () => this.#endAgent(brokenOff()));
    this.#carry("there", () => this.#endManager(brokenOff()));
  }

  #hear(bytes: Uint8Array): void {
    if (this.#manager?.isDead || this.#managerGone.signal.aborted) return;
    const message = AgentMessage.decode(bytes);
    if (message.message) this.#events.agentSaid(message.message);
    this.#manager?.run(() => this.#toManager.push(message));
  }

  /** Never rejects. */
  async #serve(program: SimProgram, answer: AsyncIterable<ManagerMessage>, signal: AbortSignal): Promise<void> {
    const iterator = answer[Symbol.asyncIterator]();
    const gone = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    gone.catch(() => undefined);
    try {
      for (;;) {
        const step = await Promise.race([iterator.next(), gone]);
        if (program.isDead) return;
        if (step.done) break;
        this.#tell(step.value);
      }
      this.#carry("back", () => this.#endAgent(undefined));
    } catch (error) {
      if (program.isDead) return;
      const told = error instanceof Error ? error : new Error(String(error));
      this.#carry("back", () => this.#endAgent(told));
    } finally {
      void iterator.return?.().then(undefined, () => undefined);
    }
  }

  #tell(message: ManagerMessage): void {
    const bytes = ManagerMessage.encode(message).finish();
    this.#check(bytes, "the manager");
    this.#carry("back", () => {
      if (this.#isAgentOver) return;
      const told = ManagerMessage.decode(bytes);
      if (told.message) this.#events.managerSaid(told.message);
      this.#toAgent.push(told);
    });
  }

  #endAgent(error: Error | undefined): void {
    this.#isAgentOver = true;
    this.#toAgent.end(error);
    this.#over();
  }

  #endManager(reason: Error): void {
    this.#over();
    this.#manager?.run(() => {
      this.#managerGone.abort(reason);
      this.#toManager.end(reason);
    });
  }

  #over(): void {
    for (const listener of this.#overListeners.splice(0)) listener();
  }

  #check(bytes: Uint8Array, who: string): void {
    if (bytes.length > messageBytesMax) this.#events.wrong(`${who} sent ${bytes.length} bytes in one message`);
  }
}

function brokenOff(): SwarmError {
  return new SwarmError("Unavailable", "the connection broke off");
}
