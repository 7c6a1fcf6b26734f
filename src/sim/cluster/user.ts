// What a user does, as the CLI would: asks some manager with one request id until there is an answer.

import { type Clock, messageOf, rpcError, SwarmError, sleep } from "../../base/index.js";
import { simLabel } from "../../engine/embedded/index.js";
import type { Node, Service } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, NodeRole, type NodeSpec, type ServiceSpec } from "../../gen/skep/v1/specs.js";
import { type Control, findNode, findService, lostLeadership } from "../../manager/control/index.js";
import type { Leading } from "../../manager/index.js";
import { specOf } from "../../store/index.js";
import { type ServiceWish, serviceSpec } from "./spec.js";

/** Between two tries while there is no leader. */
const retryMs = 250;

export interface UserModules {
  /** Asks the leader, through whichever manager; rejects with Unavailable when there was no answer. */
  readonly ask: <T>(request: (leading: Leading) => Promise<T>) => Promise<T>;
  readonly clock: Clock;
}

/** The user asked no further: what was asked may have happened, or not. */
export class GaveUp extends Error {
  override readonly name = "GaveUp";
}

export class User {
  readonly #modules: UserModules;
  #requests = 0;
  /** Before the numbers of its requests. */
  #name = "";
  #hurried = 0;
  /** How long a request without an answer is asked again. */
  #patienceMs = Number.POSITIVE_INFINITY;

  constructor(modules: UserModules) {
    this.#modules = modules;
  }

  /** The same user in a hurry: a request that found no answer for so long rejects with GaveUp. */
  impatient(patienceMs: number): User {
    const user = new User(this.#modules);
    user.#patienceMs = patienceMs;
    user.#name = `${this.#name}hurried-${(this.#hurried += 1)}-`;
    return user;
  }

  /** Gives the service's id. */
  async create(wish: ServiceWish): Promise<string> {
    return this.#ask((control, requestId) => control.services.create(requestId, serviceSpec(wish)));
  }

  async update(name: string, change: (spec: ServiceSpec) => ServiceSpec): Promise<void> {
    await this.#ask(async (control, requestId) => {
      const service = findService(control.view, name);
      const spec = change(specOf(control.view, service));
      await control.services.update(requestId, service.id, versionOf(service), spec, {
        ...{ rollback: false, registryAuthFrom: "spec", nowMs: this.#modules.clock.now() },
      });
    });
  }

  scale(name: string, replicas: number): Promise<void> {
    return this.update(name, (spec) => ({ ...spec, mode: { $case: "replicated", value: { replicas } } }));
  }

  /** `service update --image`. */
  setImage(name: string, image: string): Promise<void> {
    return this.update(name, (spec) => {
      const { task } = spec;
      if (!task?.container) throw rpcError("InvalidArgument", `${name} runs no container`);
      return { ...spec, task: { ...task, container: { ...task.container, image } } };
    });
  }

  /** `service update --image`, and from now on the containers do nothing by themselves. */
  calm(name: string, image: string): Promise<void> {
    return this.update(name, (spec) => {
      const { task } = spec;
      if (!task?.container) throw rpcError("InvalidArgument", `${name} runs no container`);
      const { [simLabel]: _, ...labels } = task.container.labels;
      return { ...spec, task: { ...task, container: { ...task.container, image, labels } } };
    });
  }

  async rollback(name: string): Promise<void> {
    await this.#ask(async (control, requestId) => {
      const service = findService(control.view, name);
      await control.services.update(requestId, service.id, versionOf(service), specOf(control.view, service), {
        ...{ rollback: true, registryAuthFrom: "spec", nowMs: this.#modules.clock.now() },
      });
    });
  }

  async remove(name: string): Promise<void> {
    await this.#ask((control, requestId) => control.services.remove(requestId, name));
  }

  async updateNode(name: string, change: (spec: NodeSpec) => NodeSpec): Promise<void> {
    await this.#ask(async (control, requestId) => {
      const node = findNode(control.view, name);
      if (node.spec) await control.nodes.update(requestId, node.id, versionOf(node), change(node.spec));
    });
  }

  setAvailability(name: string, availability: keyof typeof NodeAvailability): Promise<void> {
    return this.updateNode(name, (spec) => ({ ...spec, availability: NodeAvailability[availability] }));
  }

  setLabel(name: string, key: string, value: string): Promise<void> {
    return this.updateNode(name, (spec) => {
      const { name: ownName = "", labels = {} } = spec.annotations ?? {};
      return { ...spec, annotations: { name: ownName, labels: { ...labels, [key]: value } } };
    });
  }

  /** `node promote` and `node demote`. */
  setRole(name: string, role: keyof typeof NodeRole): Promise<void> {
    return this.updateNode(name, (spec) => ({ ...spec, desiredRole: NodeRole[role] }));
  }

  /** `node rm`; a repeated request finds the node gone, and its answer. */
  async removeNode(id: string, force = false): Promise<void> {
    await this.#ask((control, requestId) => control.nodes.remove(requestId, id, force));
  }

  /** What `join` asks for with a token; asked again, it makes another node. */
  join(
    hostname: string,
    address: string,
    role: "manager" | "worker" = "worker",
  ): Promise<{ readonly nodeId: string; readonly clusterId: string }> {
    return this.#askLeader(({ ca, control }) => {
      const joinToken = control.view.cluster?.rootCa?.joinTokens?.[role] ?? "";
      const shown = { joinToken, expiredCertificate: "", expiredProof: Buffer.alloc(0) };
      return ca.issue({ address }, { ...shown, csr: "simulated", hostname, availability: NodeAvailability.ACTIVE });
    });
  }

  /** Never hangs on a leader that died with the request: the next one is asked the same again. */
  #ask<T>(request: (control: Control, requestId: string) => Promise<T>): Promise<T> {
    this.#requests += 1;
    const requestId = `request-${this.#name}${this.#requests}`;
    return this.#askLeader(({ control }) => request(control, requestId));
  }

  async #askLeader<T>(request: (leader: Leading) => Promise<T>): Promise<T> {
    const { ask, clock } = this.#modules;
    const endMs = clock.monotonic() + this.#patienceMs;
    for (;;) {
      try {
        return await ask(request);
      } catch (error) {
        if (!mayRetry(error)) throw error;
        if (clock.monotonic() > endMs) throw new GaveUp(messageOf(error));
      }
      await sleep(clock, retryMs);
    }
  }
}

/** There was no leader, it went away before it answered, or the row was changed meanwhile. */
function mayRetry(error: unknown): boolean {
  if (error instanceof SwarmError && error.kind === "Unavailable") return true;
  return (
    lostLeadership(error) !== undefined || (error instanceof Error && /leader|out of sequence/.test(error.message))
  );
}

function versionOf({ meta }: Node | Service): number {
  return meta?.version ?? 0;
}
