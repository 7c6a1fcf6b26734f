// Updates, revisions and drains on real hosts: what the engines run meanwhile, and what both command lines say of it.

import { expect, test } from "vitest";
import { eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { serviceContainers, startSwarm, untilRunning } from "./support/swarm.js";

const waitMs = 60_000;

onRealHosts("a rollout", () => {
  test("is shown, goes back to any kept revision, and drains without a gap", async () => {
    await using hosts = await startHosts(3, { images: [web("1"), web("2"), web("3")] });
    await startSwarm(hosts);
    const manager = hosts.host(1);
    await keepsRevisions(manager);
    await goesBack(hosts, manager);
    await drainsWithoutGap(hosts, manager);
  });
});

async function keepsRevisions(manager: Host): Promise<void> {
  const create = ["service", "create", "--name", "web", "--replicas", "3", "--stop-grace-period", "1s"];
  await manager.skep([...create, "--update-order", "start-first", "--update-monitor", "1s", "web:1"], {
    timeoutMs: waitMs,
  });
  for (const image of ["web:2", "web:3"]) {
    await manager.skep(["service", "update", "--update-parallelism", "2", "--image", image, "web"], {
      timeoutMs: waitMs,
    });
  }
  const pretty = (await manager.skep(["service", "inspect", "--pretty", "web"])).stdout;
  expect(pretty).toContain(" Progress:\t3 of 3 changed\n");
  const format = "{{.Rev}} {{.Image}} {{.Changed}} {{.Mark}}";
  const history = (await manager.skep(["service", "history", "--format", format, "web"])).stdout;
  expect(history).toBe("3 web:3 image CURRENT\n2 web:2 image, update settings PREVIOUS\n1 web:1 - \n");
}

async function goesBack(hosts: Hosts, manager: Host): Promise<void> {
  const wrong = await manager.skep(["service", "rollback", "--to", "7", "web"], { mayFail: true });
  expect(wrong.stderr).toContain("no revision 7 of service web is kept; kept: 1, 2, 3");
  const back = await manager.skep(["service", "rollback", "--to", "1", "web"], { timeoutMs: waitMs });
  expect(back.stdout).toContain("rollback: manually requested rollback");
  const { containers } = await untilRunning(hosts, "web", 3, waitMs);
  expect(new Set(containers.map(({ image }) => image))).toEqual(new Set(["web:1"]));
}

async function drainsWithoutGap(hosts: Hosts, manager: Host): Promise<void> {
  await manager.skep(["node", "update", "--drain-timeout", "5m", "h3"]);
  // Docker's own client does not know the timeout, and must not lose it.
  await manager.docker(["node", "update", "--label-add", "a=b", "h3"], { to: "skep" });
  expect((await manager.skep(["node", "inspect", "--pretty", "h3"])).stdout).toContain(" Drain Timeout:\t\t5m0s\n");
  const sinceMs = Date.now();
  await manager.docker(["node", "update", "--availability", "drain", "h3"], { to: "skep" });
  await eventually(
    async () => {
      const containers = await serviceContainers(hosts, "web");
      return containers.length === 3 && containers.every(({ host }) => host !== "h3");
    },
    { what: "h3 is empty and three run", withinMs: waitMs },
  );
  expect(await leastRunning(hosts, 3, sinceMs)).toBe(3);
}

/** The fewest containers that ran at one time, by what the engines say happened since then: `before` did at first. */
async function leastRunning(hosts: Hosts, before: number, sinceMs: number): Promise<number> {
  const query = `since=${sinceMs / 1000}&until=${Date.now() / 1000}`;
  const answers = await Promise.all(hosts.all.map((host) => host.engine.http.get(`/events?${query}`)));
  const events = answers
    .flatMap(({ text }) => text.trim().split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { readonly Action: string; readonly timeNano: number })
    .filter(({ Action }) => Action === "start" || Action === "die")
    .sort((a, b) => a.timeNano - b.timeNano);
  let running = before;
  return Math.min(...events.map(({ Action }) => (running += Action === "start" ? 1 : -1)));
}
