// Locked managers and backups on real hosts. One story, told in order on one swarm: h1, h2 and h3 manage, h4 works.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually, type Host, type Hosts, type Result, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { join, managerStates, serviceContainers, untilRunning } from "./support/swarm.js";

const lockedText = "Swarm is encrypted and needs to be unlocked before it can be used.";
/** A busy machine may take its time. */
const comesUpMs = 30_000;

let hosts: Hosts;

onRealHosts("locked managers and backups", () => {
  const host = (number: number): Host => hosts.host(number);
  let firstKey: string;
  let key: string;
  let before: Seen;

  beforeAll(async () => {
    hosts = await startHosts(4, { images: [web("1")] });
    await Promise.all(hosts.all.map((each) => each.startDaemon()));
  });
  afterAll(() => hosts?.end());
  afterEach(({ task }) => {
    if (task.result?.state !== "fail") return;
    for (const { name, daemon } of hosts?.all ?? []) console.log(`--- ${name}\n${daemon.log(40)}`);
  });

  test("init --autolock shows the key, and the keys of every manager that joins are locked with it", async () => {
    const { stdout } = await host(1).docker(["swarm", "init", "--autolock", "--advertise-addr", host(1).address], {
      to: "skep",
    });
    firstKey = /SWMKEY-1-[A-Za-z0-9+/]{43}/.exec(stdout)?.[0] ?? "";
    expect(await unlockKey(host(1))).toBe(firstKey);
    await join(host(2), host(1), "manager");
    await join(host(3), host(1), "manager");
    await join(host(4), host(1), "worker");
    await eventually(
      async () => (await Promise.all([1, 2, 3].map((each) => isLockedAtRest(host(each))))).every(Boolean),
      {
        what: "three managers' keys are locked",
        withinMs: comesUpMs,
      },
    );
    expect(await isLockedAtRest(host(4))).toBe(false);
    await host(1).skep(["service", "create", "--detach", "--name", "web", "--replicas", "4", "web:1"]);
    await untilRunning(hosts, "web", 4, comesUpMs);
  });

  test("a manager that is started again is locked until it is given the key; its containers run on", async () => {
    const containers = await idsOn(host(2));
    await host(2).killDaemon();
    await host(2).startDaemon();
    await isLocked(host(2));
    const refused = await host(2).docker(["node", "ls"], { to: "skep", mayFail: true });
    expect(refused.stderr).toContain(lockedText);
    const left = await host(2).docker(["swarm", "leave"], { to: "skep", mayFail: true });
    expect(left.stderr).toContain(lockedText);
    expect((await unlock(host(2), `SWMKEY-1-${"A".repeat(43)}`)).stderr).toContain(
      "swarm could not be unlocked: invalid key provided",
    );
    await isLocked(host(2));
    expect(await unlock(host(2), firstKey)).toMatchObject({ code: 0, stderr: "" });
    await untilManager(host(2));
    expect((await unlock(host(2), firstKey)).stderr).toContain("swarm is not locked");
    expect(await idsOn(host(2))).toEqual(containers);
  });

  test("after unlock-key --rotate every manager needs the new key", async () => {
    const managers = [host(1), host(2), host(3)];
    const files = await Promise.all(managers.map(keyFile));
    await host(3).docker(["swarm", "unlock-key", "--rotate"], { to: "skep" });
    key = await unlockKey(host(1));
    expect(key).not.toBe(firstKey);
    const isRotated = async (): Promise<boolean> => {
      const now = await Promise.all(managers.map(keyFile));
      return now.every((file, at) => file !== files[at]);
    };
    await eventually(isRotated, { what: "every manager's file is another one", withinMs: comesUpMs });
    for (const each of [host(1), host(3)]) {
      await each.killDaemon();
      await each.startDaemon();
      await isLocked(each);
      expect((await unlock(each, firstKey)).stderr).toContain("invalid key provided");
      expect((await unlock(each, key)).code).toBe(0);
      await untilManager(each);
    }
    await untilRunning(hosts, "web", 4, comesUpMs);
  });

  test("a backup of a locked swarm, made while it works, shows nothing without the key", async () => {
    before = await seen(host(1));
    await host(1).skep(["system", "backup", backupOf(host(1))]);
    expect((await host(1).exec(["stat", "-c", "%a", backupOf(host(1))])).stdout.trim()).toBe("600");
    const found = await host(1).exec(["grep", "-ac", "PRIVATE KEY", backupOf(host(1))], { mayFail: true });
    expect(found.stdout.trim()).toBe("0");
  });

  test("after autolock is turned off no manager asks for a key", async () => {
    await host(2).docker(["swarm", "update", "--autolock=false"], { to: "skep" });
    await eventually(async () => !(await isLockedAtRest(host(2))), { what: "the keys are open", withinMs: comesUpMs });
    await host(2).killDaemon();
    await host(2).startDaemon();
    await untilManager(host(2));
    expect((await host(2).skep(["swarm", "unlock-key"], { mayFail: true })).stderr).toContain("no unlock key is set");
  });

  test("when all managers are lost the swarm is restored where one was: ids are the same, no container notices", async () => {
    const containers = [...(await idsOn(host(1))), ...(await idsOn(host(4)))];
    for (const number of [1, 2, 3]) await host(number).killDaemon();
    await wipe(host(1));
    await host(1).startDaemon();
    expect((await restore(host(1), "")).stderr).toContain("invalid key string");
    expect((await restore(host(1), firstKey)).stderr).toContain("invalid key provided");
    expect((await host(1).daemon.http.get("/_ping")).headers["swarm"]).toBe("inactive");
    expect((await restore(host(1), key)).stdout).toMatch(
      /^Swarm restored: current node \(\w{25}\) is now its only manager\.$/m,
    );
    expect(await seen(host(1))).toEqual(before);
    expect(await unlockKey(host(1))).toBe(key);
    await eventually(async () => (await states(host(1)))["h4"] === "Ready", {
      what: "h4 is back",
      withinMs: comesUpMs,
    });
    const areDown = async (): Promise<boolean> => {
      const { h2, h3 } = await states(host(1));
      return h2 === "Down" && h3 === "Down";
    };
    await eventually(areDown, { what: "those that are lost are down", withinMs: comesUpMs });
    const { value } = await eventually(
      async () => {
        const now = [...(await idsOn(host(1))), ...(await idsOn(host(4)))];
        return now.length === 4 ? now : undefined;
      },
      { what: "four containers run on what is left", withinMs: comesUpMs },
    );
    expect(value).toEqual(expect.arrayContaining(containers));
    expect(await managerStates(host(1))).toEqual({ h1: "Leader", h2: "", h3: "", h4: "" });
  });

  test("a manager of before that comes back with its disk is a worker, and promoted as any other", async () => {
    await host(3).startDaemon();
    await eventually(async () => (await states(host(1)))["h3"] === "Ready", {
      what: "h3 is back",
      withinMs: comesUpMs,
    });
    expect(await isLockedAtRest(host(3))).toBe(false);
    await host(1).skep(["node", "promote", "h3"]);
    await untilManager(host(3));
    await eventually(() => isLockedAtRest(host(3)), { what: "its keys are locked", withinMs: comesUpMs });
    await host(1).skep(["node", "demote", "h3"]);
    await eventually(async () => !(await isLockedAtRest(host(3))), {
      what: "it has none to lock",
      withinMs: comesUpMs,
    });
    await host(3).killDaemon();
  });

  test("the same backup makes the swarm again at another address", async () => {
    await host(1).killDaemon();
    await wipe(host(2));
    await host(2).startDaemon();
    await restore(host(2), key);
    expect(await seen(host(2))).toEqual(before);
    expect((await host(2).skep(["swarm", "join-token", "worker"])).stdout).toContain(`${host(2).address}:2377`);
  });

  test("a locked manager can leave, if it is forced to", async () => {
    await host(2).killDaemon();
    await host(2).startDaemon();
    await isLocked(host(2));
    await host(2).docker(["swarm", "leave", "--force"], { to: "skep" });
    expect((await host(2).daemon.http.get("/_ping")).headers["swarm"]).toBe("inactive");
    expect((await unlock(host(2), key)).code).not.toBe(0);
    for (const { daemon } of hosts.all)
      for (const each of [firstKey, key]) expect(daemon.log(10_000)).not.toContain(each);
  });

  interface Seen {
    readonly swarm: unknown;
    readonly services: unknown;
    readonly nodes: unknown;
  }

  /** What must survive: who the swarm is, its services with their versions, its nodes. */
  async function seen(door: Host): Promise<Seen> {
    const json = async <T>(path: string): Promise<T> => (await door.daemon.http.ok("GET", path)).json as T;
    const swarm = await json<{ ID: string; JoinTokens: unknown }>("/swarm");
    const services = await json<readonly { ID: string; Version: unknown; Spec: unknown }[]>("/services");
    const nodes = await json<readonly { ID: string }[]>("/nodes");
    return {
      swarm: [swarm.ID, swarm.JoinTokens],
      services: services.map(({ ID, Version, Spec }) => [ID, Version, Spec]),
      nodes: nodes.map(({ ID }) => ID).toSorted(),
    };
  }

  async function states(door: Host): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await door.skep(["node", "ls", "--format", "{{.Hostname}}={{.Status}}"]);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("=") as [string, string]),
    );
  }

  async function idsOn(where: Host): Promise<readonly string[]> {
    const all = await serviceContainers(hosts, "web");
    return all.flatMap(({ id, host: name }) => (name === where.name ? [id] : [])).toSorted();
  }
});

/** Every host sees the same files here. */
function backupOf(host: Host): string {
  return `${host.folder}/../backup`;
}

/** The backup is of a locked swarm, so its key is asked for. */
function restore(host: Host, key: string): Promise<Result> {
  const command = ["system", "restore", "--advertise-addr", host.address, backupOf(host)];
  return host.skep(command, { input: `${key}\n`, mayFail: true });
}

function wipe(host: Host): Promise<Result> {
  return host.exec(["find", host.daemon.dataFolder, "-mindepth", "1", "-delete"]);
}

function unlock(host: Host, key: string): Promise<Result> {
  return host.docker(["swarm", "unlock"], { to: "skep", input: `${key}\n`, mayFail: true });
}

async function unlockKey(host: Host): Promise<string> {
  return (await host.docker(["swarm", "unlock-key", "-q"], { to: "skep" })).stdout.trim();
}

async function isLocked(host: Host): Promise<void> {
  await eventually(async () => (await host.daemon.http.get("/_ping")).headers["swarm"] === "locked", {
    what: `${host.name} is locked`,
    withinMs: comesUpMs,
  });
}

async function untilManager(host: Host): Promise<void> {
  await eventually(async () => ["Leader", "Reachable"].includes((await managerStates(host))[host.name] ?? ""), {
    what: `${host.name} manages`,
    withinMs: comesUpMs,
  });
}

async function keyFile(host: Host): Promise<string> {
  return (await host.exec(["cat", `${host.daemon.dataFolder}/raft.key`], { mayFail: true })).stdout;
}

/** Both files, as a thief of the disk sees them. */
async function isLockedAtRest(host: Host): Promise<boolean> {
  const pem = await host.exec(["cat", `${host.daemon.dataFolder}/certificates/swarm-node.key`]);
  return (await keyFile(host)).includes('"sealed"') && pem.stdout.includes("BEGIN ENCRYPTED PRIVATE KEY");
}
