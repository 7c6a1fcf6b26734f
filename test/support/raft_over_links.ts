// A whole Raft member as a manager has it: a log on a real disk, its port, and its links to the others over gRPC.

import { openDisk, systemClock, systemRandom } from "../../src/base/host/index.js";
import { type Disk, type Metrics, silentLog, silentMetrics } from "../../src/base/index.js";
import { aesSealer, atOnce, nextTurn } from "../../src/raft/host/index.js";
import { RaftMember, type RaftOptions, type StateMachine } from "../../src/raft/index.js";
import { type Credentials, RaftLinks, raftBinding } from "../../src/rpc/index.js";
import { sourceOf } from "./pki.js";
import { type TestServer, type TestServerOptions, testServer } from "./rpc.js";

export interface OverLinksOptions extends Partial<RaftOptions> {
  readonly id: number;
  /** On the real disk; what is there is gone on with. */
  readonly path: string;
  readonly credentials: Credentials;
  readonly machine: StateMachine;
  /** Where the others are. */
  readonly addressOf: (id: number) => string | undefined;
  readonly wrap?: (disk: Disk) => Disk;
  readonly metrics?: Metrics;
  readonly server?: Partial<TestServerOptions>;
}

export interface OverLinks {
  readonly member: RaftMember;
  readonly links: RaftLinks;
  readonly server: TestServer;
  readonly failures: Error[];
  /** In good order. */
  close(): Promise<void>;
}

/** Listens and starts. */
export async function memberOverLinks(options: OverLinksOptions): Promise<OverLinks> {
  const { path, credentials, machine, addressOf, wrap, metrics, server: serverOptions, ...raftOptions } = options;
  const disk = openDisk(path);
  const world = { clock: systemClock, log: silentLog, metrics: metrics ?? silentMetrics };
  const links = new RaftLinks(
    { raftId: options.id },
    {
      ...world,
      addressOf,
      peers: () => member.membership.voters.filter((id) => id !== options.id),
      credentials: () => credentials,
      unreachable: (id) => member.unreachable(id),
      connectionBroken: (id) => member.connectionBroken(id),
    },
  );
  const member: RaftMember = new RaftMember(
    { folder: "raft", bootstrap: false, join: false, ...raftOptions },
    {
      ...world,
      disk: wrap?.(disk) ?? disk,
      sealer: aesSealer(new Uint8Array(32)),
      random: systemRandom,
      stateMachine: machine,
      transport: links,
      ...{ nextTurn, atOnce },
    },
  );
  const failures: Error[] = [];
  member.onFatal((error) => failures.push(error));
  const binding = raftBinding(
    {
      raftId: options.id,
      nodeIdOf: () => undefined,
      step: (message) => member.step(message),
      receiveSnapshot: (message, chunks) => member.receiveSnapshot(message, chunks),
      connectionBroken: (id) => member.connectionBroken(id),
    },
    world,
  );
  const { bindings = [], ...more } = serverOptions ?? {};
  const server = await testServer({ identity: sourceOf(credentials), ...more, bindings: [binding, ...bindings] });
  await member.start();
  return {
    ...{ member, links, server, failures },
    close: async () => {
      await member.stop();
      await links.close();
      await server.close();
    },
  };
}
