// Three members of etcd on this machine, from Debian's package, without TLS between anybody.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";

export interface EtcdTrio {
  /** host:port for clients, of the member that leads. */
  readonly leaderAddr: string;
  end(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

export async function etcdTrio(root: string): Promise<EtcdTrio> {
  install();
  const members: Member[] = [];
  for (const name of ["one", "two", "three"]) {
    members.push({ name, clientPort: await freePort(), peerPort: await freePort() });
  }
  const children = members.map((member) => start(member, members, root));
  const leader = await leaderOf(members);
  return {
    leaderAddr: `127.0.0.1:${leader.clientPort}`,
    end: async () => {
      for (const child of children) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
    },
  };
}

function install(): void {
  try {
    execFileSync("etcd", ["--version"], { stdio: "ignore" });
  } catch {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "etcd-server"], { stdio: "ignore" });
  }
}

function start({ name, clientPort, peerPort }: Member, all: readonly Member[], root: string): ChildProcess {
  const peers = all.map((member) => `${member.name}=http://127.0.0.1:${member.peerPort}`).join(",");
  const flags = {
    name,
    "data-dir": path.join(root, name),
    "listen-client-urls": `http://127.0.0.1:${clientPort}`,
    "advertise-client-urls": `http://127.0.0.1:${clientPort}`,
    "listen-peer-urls": `http://127.0.0.1:${peerPort}`,
    "initial-advertise-peer-urls": `http://127.0.0.1:${peerPort}`,
    "initial-cluster": peers,
    "initial-cluster-state": "new",
    "log-level": "error",
  };
  return spawn(
    "etcd",
    Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    { stdio: "ignore" },
  );
}

/** By etcd's own JSON gateway; a cluster that has just begun has none for a moment. */
async function leaderOf(members: readonly Member[]): Promise<Member> {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const member of members) {
      const status = await statusOf(member).catch(() => undefined);
      if (status?.leader !== undefined && status.leader === status.header?.member_id) return member;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("etcd has no leader after 10 s");
}

interface Status {
  readonly leader?: string;
  readonly header?: { readonly member_id?: string };
}

async function statusOf({ clientPort }: Member): Promise<Status> {
  const response = await fetch(`http://127.0.0.1:${clientPort}/v3/maintenance/status`, { method: "POST", body: "{}" });
  return (await response.json()) as Status;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
