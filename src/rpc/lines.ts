// The server's side of lines: which are served, to whom (R1), and that whoever is removed is heard no more (R3).

import type { TLSSocket } from "node:tls";
import { status } from "@grpc/grpc-js";
import { type Access, type Peer, refusalFor, removedText } from "./access.js";
import { type CallContext, denied, type GateModules } from "./gate.js";
import { Line, type LineEvents } from "./line.js";
import { sparseWarn, type Warn } from "./sparse-log.js";

/** As of the server's other connections. */
const pingMs = 10_000;
const pongMs = 10_000;
/** Of one node, of one kind: it needs one, and a new one while those that broke unnoticed wait for their end. */
const linesMax = 16;

export interface LineBinding {
  /** Its name in the TLS handshake (ALPN), with the version of what is spoken. */
  readonly protocol: string;
  readonly access: Access;
  /** Somebody who may has come. Nothing is read before this returns; `line.open()` lets them in. */
  serve(line: Line, context: CallContext): LineEvents;
}

export type LinesModules = Pick<GateModules, "clock" | "log" | "closing" | "world">;

export class Lines {
  readonly #bindings: ReadonlyMap<string, LineBinding>;
  readonly #modules: LinesModules;
  /** A stranger may come as often as it likes. */
  readonly #refused: Warn;
  /** By protocol and node, the oldest first. */
  readonly #open = new Map<string, Set<Line>>();

  constructor(bindings: readonly LineBinding[], modules: LinesModules) {
    this.#bindings = new Map(bindings.map((binding) => [binding.protocol, binding]));
    this.#modules = modules;
    this.#refused = sparseWarn(modules.log, modules.clock);
  }

  get protocols(): readonly string[] {
    return [...this.#bindings.keys()];
  }

  /** Takes over a connection that speaks a line's protocol; false: it speaks another. */
  accept(socket: TLSSocket, peer: Peer): boolean {
    const binding = this.#bindings.get(socket.alpnProtocol || "");
    if (binding === undefined) return false;
    const { clock, world } = this.#modules;
    const line = new Line({ socket, addr: peer.address, pingMs, pongMs }, { clock });
    const reason = refusalFor(peer, binding.access, { ...world(), nowMs: clock.now() });
    if (reason === undefined) line.start(this.#admitted(line, peer, binding));
    else {
      this.#refused("call refused", { address: peer.address, method: binding.protocol, reason });
      line.start({ message: () => {}, ended: () => {} });
      line.end(denied(reason, peer, this.#modules));
    }
    return true;
  }

  /** Looked at again whenever the peer says something. */
  #admitted(line: Line, peer: Peer, binding: LineBinding): LineEvents {
    const { closing, world } = this.#modules;
    const events = binding.serve(line, { peer, closing });
    const nodeId = peer.node?.nodeId ?? "";
    const forget = this.#keep(line, `${binding.protocol} ${nodeId}`);
    return {
      ...events,
      ended: (error) => {
        forget();
        events.ended(error);
      },
      message: (bytes) => {
        if (world().isRemoved(nodeId)) line.end(denied(removedText(nodeId), peer, this.#modules));
        else events.message(bytes);
      },
    };
  }

  /** The newest counts: the oldest of too many gives way. Returns how to forget it. */
  #keep(line: Line, whose: string): () => void {
    const lines = this.#open.get(whose) ?? new Set();
    this.#open.set(whose, lines.add(line));
    const [oldest] = lines;
    if (lines.size > linesMax) oldest?.end(crowded);
    return () => {
      lines.delete(line);
      if (lines.size === 0 && this.#open.get(whose) === lines) this.#open.delete(whose);
    };
  }
}

const crowded = { code: status.RESOURCE_EXHAUSTED, details: `more than ${linesMax} lines of one node` };
