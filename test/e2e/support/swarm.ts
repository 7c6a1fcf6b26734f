// A swarm on real hosts: the first manage, the others work; and what tests ask of its services.

import { eventually } from "./eventually.js";
import type { Host, RunningContainer } from "./host.js";
import type { Hosts } from "./hosts.js";

/** Starts a daemon on every host, makes h1 a swarm, joins the next as managers and the others as workers. */
export async function startSwarm(hosts: Hosts, { managers = 1 }: { readonly managers?: number } = {}): Promise<void> {
  await Promise.all(hosts.all.map((host) => host.startDaemon()));
  const first = hosts.host(1);
  await first.skep(["swarm", "init", "--advertise-addr", first.address]);
  for (const host of hosts.all.slice(1)) await join(host, first, host.number <= managers ? "manager" : "worker");
}

/** Joins the swarm that `door` manages. */
export async function join(host: Host, door: Host, role: "manager" | "worker"): Promise<void> {
  const token = (await door.skep(["swarm", "join-token", "-q", role])).stdout.trim();
  await host.skep(["swarm", "join", "--token", token, `${door.address}:2377`]);
}

/** What `node ls` says of each node's place among the managers: "Leader", "Reachable", … or "" of a worker. */
export async function managerStates(door: Host): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await door.skep(["node", "ls", "--format", "{{.Hostname}}={{.ManagerStatus}}"]);
  const lines = stdout.trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split("=") as [string, string]));
}

/** The manager that leads, as `door` sees it. */
export async function leaderOf(hosts: Hosts, door: Host): Promise<Host> {
  const states = await managerStates(door);
  const leader = hosts.all.find(({ name }) => states[name] === "Leader");
  if (leader === undefined) throw new Error(`nobody leads: ${JSON.stringify(states)}`);
  return leader;
}

export interface PlacedContainer extends RunningContainer {
  readonly host: string;
}

/** The containers of a service that run, by what the engines say. Hosts whose engine is dead count for nothing. */
export async function serviceContainers(hosts: Hosts, service: string): Promise<readonly PlacedContainer[]> {
  const alive = hosts.all.filter((host) => host.engine.isAlive);
  const perHost = await Promise.all(
    alive.map(async (host) =>
      (await host.containers([`com.docker.swarm.service.name=${service}`])).map((each) => ({
        ...each,
        host: host.name,
      })),
    ),
  );
  return perHost.flat();
}

/** Waits until exactly `count` containers of the service run; answers with them and how long it took. */
export async function untilRunning(
  hosts: Hosts,
  service: string,
  count: number,
  withinMs: number,
): Promise<{ readonly containers: readonly PlacedContainer[]; readonly tookMs: number }> {
  const { value, tookMs } = await eventually(
    async () => {
      const containers = await serviceContainers(hosts, service);
      if (containers.length !== count)
        throw new Error(`${containers.length} run: ${containers.map((c) => c.host).join(", ")}`);
      return containers;
    },
    { what: `${count} containers of ${service} run`, withinMs },
  );
  return { containers: value, tookMs };
}

/** Every container of the swarm that an engine has, in any state. */
export async function allContainers(hosts: Hosts): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: ["com.docker.swarm.task.id"] }));
  const perHost = await Promise.all(
    hosts.all
      .filter((host) => host.engine.isAlive)
      .map(async (host) => {
        const { json } = await host.engine.http.ok("GET", `/containers/json?all=1&filters=${filters}`);
        return (json as readonly { Names: readonly string[] }[]).map(({ Names }) => `${host.name}${Names[0]}`);
      }),
  );
  return perHost.flat();
}

/** The service as the manager's API shows it. */
export async function nodeStates(manager: Host): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await manager.skep(["node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.Availability}}"]);
  return Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([name = "", status, availability]) => [name, `${status} ${availability}`]),
  );
}
