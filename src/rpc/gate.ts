// Lets calls in (R1, R3): runs before anything of a call is read, again at every message, and hands the peer to the
// binding.

import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
  status,
} from "@grpc/grpc-js";
import { type Clock, invariant, type Log, type Timer } from "../base/index.js";
import { type Access, type AccessWorld, type Peer, refusalFor, removedText } from "./access.js";
import type { ConnectionEnds } from "./front.js";
import { CallLimit } from "./limit.js";
import { sparseWarn, type Warn } from "./sparse-log.js";
import { type CallStatus, removedTrailer } from "./status.js";

/** Two of gRPC's types it does not export. */
type AuthContext = ReturnType<ServerInterceptingCallInterface["getAuthContext"]>;
type PartialStatusObject = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/** A stranger's call is answered within this, or ended. */
const strangerCallMs = 20_000;

export interface GateModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly closing: AbortSignal;
  peerAt(ends: ConnectionEnds): Peer | undefined;
  /** The swarm this node is of, and who was removed from it. */
  world(): Pick<AccessWorld, "clusterId" | "isRemoved">;
  /** Open to whom, by path; undefined: not served. */
  accessTo(path: string): Access | undefined;
}

/** What a handler is told of a call. */
export interface CallContext {
  readonly peer: Peer;
  /** Aborted when the server stops. */
  readonly closing: AbortSignal;
}

interface Context extends AuthContext {
  readonly skep?: CallContext;
}

export type GatedCall = Pick<ServerInterceptingCallInterface, "getAuthContext">;

/** The verified other end of a call that came through a gate. */
export function contextOf(call: GatedCall): CallContext {
  const { skep } = call.getAuthContext() as Context;
  invariant(skep !== undefined, "every call comes through the gate (R1)");
  return skep;
}

export function gate(modules: GateModules): ServerInterceptor {
  const limit = new CallLimit();
  const flooded = sparseWarn(modules.log, modules.clock);
  return (method, call) => {
    const peer = modules.peerAt(call.getConnectionInfo());
    const refusal = peer === undefined ? connectionGone : refusalOf(method.path, { peer, limit, flooded, modules });
    if (peer === undefined || refusal !== undefined) return refused(call, refusal ?? connectionGone);
    return new AdmittedCall(call, peer, modules);
  };
}

const connectionGone: PartialStatusObject = { code: status.UNAVAILABLE, details: "the connection is gone" };

function refusalOf(
  path: string,
  given: { readonly peer: Peer; readonly limit: CallLimit; readonly flooded: Warn; readonly modules: GateModules },
): PartialStatusObject | undefined {
  const { peer, limit, flooded, modules } = given;
  const nowMs = modules.clock.monotonic();
  const access = modules.accessTo(path);
  if (access === undefined) return { code: status.UNIMPLEMENTED, details: `unknown method ${path}` };
  if (peer.node === undefined && !limit.take(peer.address, nowMs)) {
    flooded("call refused: too many a second", { address: peer.address, method: path });
    return { code: status.RESOURCE_EXHAUSTED, details: `too many calls from ${peer.address}: try again in a second` };
  }
  const details = refusalFor(peer, access, { ...modules.world(), nowMs: modules.clock.now() });
  if (details === undefined) return undefined;
  modules.log.warn("call refused", { address: peer.address, method: path, reason: details });
  return denied(details, peer, modules);
}

/** The refusal of a peer, which learns whether that is because it was removed. */
export function denied(details: string, { node }: Peer, modules: Pick<GateModules, "world">): CallStatus {
  const metadata = new Metadata();
  if (node !== undefined && modules.world().isRemoved(node.nodeId)) metadata.set(removedTrailer, "true");
  return { code: status.PERMISSION_DENIED, details, metadata };
}

/** Answers without reading. */
function refused(call: ServerInterceptingCallInterface, answer: PartialStatusObject): ServerInterceptingCall {
  return new ServerInterceptingCall(call, {
    start: (next) => {
      next({ onReceiveMetadata: () => call.sendStatus(answer) });
    },
  });
}

/** A call of a peer that may make it, and may be removed while it lasts. */
class AdmittedCall extends ServerInterceptingCall {
  readonly #context: Context;

  constructor(call: ServerInterceptingCallInterface, peer: Peer, modules: GateModules) {
    const timer = peer.node ? undefined : strangerTimer(call, modules);
    super(call, {
      start: (next) => next(messageListener(call, peer, modules, timer)),
      sendStatus: (answer, next) => {
        timer?.cancel();
        next(answer);
      },
    });
    this.#context = { skep: { peer, closing: modules.closing } };
  }

  override getAuthContext(): AuthContext {
    return this.#context;
  }
}

/** R3: looked at again whenever the peer says something. */
function messageListener(
  call: ServerInterceptingCallInterface,
  peer: Peer,
  modules: GateModules,
  timer: Timer | undefined,
): ServerListener {
  return {
    onReceiveMessage: (message: unknown, next: (message: unknown) => void) => {
      const nodeId = peer.node?.nodeId;
      if (nodeId === undefined || !modules.world().isRemoved(nodeId)) return next(message);
      call.sendStatus(denied(removedText(nodeId), peer, modules));
    },
    onCancel: () => timer?.cancel(),
  } as ServerListener;
}

function strangerTimer(call: ServerInterceptingCallInterface, { clock }: GateModules): Timer {
  return clock.after(strangerCallMs, () =>
    call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: `not answered within ${strangerCallMs / 1000} s` }),
  );
}
