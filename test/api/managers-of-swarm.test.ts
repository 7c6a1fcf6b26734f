// What a manager is told before it leaves, how a forced cluster is asked for, unlock keys, and backups over a real socket.

import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { InitOptions, Quorum, RestoreOptions } from "../../src/api/index.js";
import { managerLeaves } from "../../src/api/texts.js";
import { SwarmError } from "../../src/base/index.js";
import { apiFixture, type Fixture, managerId } from "./fixture.js";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await apiFixture();
});
afterEach(() => fixture.close());

const leaving = "You are attempting to leave the swarm on a node that is participating as a manager. ";
const restore =
  "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.";
const left = (reachable: number, total: number): string =>
  `Removing this node leaves ${reachable} managers out of ${total}. Without a Raft quorum your swarm will be inaccessible. `;

describe("leaving as a manager", () => {
  test.each([
    [1, 1, "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. "],
    [2, 2, left(1, 2) + restore],
    [3, 3, restore],
    [2, 3, left(1, 3) + restore],
    [1, 3, left(0, 3) + restore],
    [4, 4, restore],
    [3, 4, left(2, 4) + restore],
    [5, 5, restore],
    [4, 5, restore],
    [3, 5, left(2, 5) + restore],
  ])("with %d of %d reachable", (reachable, total, text) => {
    expect(managerLeaves({ reachable, total })).toBe(leaving + text);
  });

  test("when nobody can be asked", () => {
    expect(managerLeaves(undefined)).toBe(`${leaving}Doing so may lose the consensus of your cluster. ${restore}`);
  });

  const quorum = (...reachable: readonly boolean[]): Quorum => ({
    ...{ hasLeader: false, noLeaderForMs: 0 },
    managers: reachable.map((each, at) => ({ nodeId: `h${at}`, hostname: `h${at}`, addr: "", reachable: each })),
  });

  test("counts as the leader counts, from a follower too", async () => {
    fixture.node.leading = undefined;
    fixture.node.quorum = () => quorum(true, true, true);
    const managers = ["reachable", "unreachable", "reachable"].map((Reachability) => ({
      ManagerStatus: { Reachability },
    }));
    fixture.node.following = {
      forward: async ({ path }) => ({
        ...{ status: path === "/nodes" ? 200 : 404, headers: {} },
        body: { kind: "bytes", bytes: Buffer.from(JSON.stringify([...managers, {}])) },
      }),
    };
    expect((await fixture.ask("POST", "/swarm/leave")).at("message")).toBe(leaving + left(1, 3) + restore);
  });

  test("counts what it knows itself when there is no leader", async () => {
    fixture.node.leading = undefined;
    fixture.node.quorum = () => quorum(true, false, false);
    expect((await fixture.ask("POST", "/swarm/leave")).at("message")).toBe(leaving + left(0, 3) + restore);
  });

  test("with force asks nobody", async () => {
    fixture.node.leading = undefined;
    expect((await fixture.ask("POST", "/swarm/leave?force=1")).status).toBe(200);
    expect(fixture.node.calls).toEqual([["leave", true]]);
  });
});

describe("a node whose manager is broken while its worker goes on", () => {
  test("says why in its status, unless it has something to say of its own", async () => {
    const tell = (message: string): Promise<void> =>
      fixture.writer.update((tx) => {
        const node = tx.table("node").get(managerId);
        if (!node?.description || !node.status) throw new Error("the fixture has a manager");
        const description = { ...node.description, managerError: "no space left on device" };
        tx.put("node", { ...node, description, status: { ...node.status, message } });
      });
    const told = async (): Promise<unknown> => (await fixture.ask("GET", `/nodes/${managerId}`)).at("Status.Message");
    await tell("");
    expect(await told()).toBe("the manager on this node is broken: no space left on device");
    await tell("engine silent");
    expect(await told()).toBe("engine silent");
  });
});

describe("a new cluster forced", () => {
  const force = (body: object) => fixture.ask("POST", "/swarm/init", { ForceNewCluster: true, ...body });
  const asked = (): InitOptions => fixture.node.calls.at(-1)?.[1] as InitOptions;

  test("on a member keeps the addresses that are not given", async () => {
    expect((await force({ ListenAddr: "", AdvertiseAddr: "" })).json).toBe(managerId);
    expect(asked()).toMatchObject({ forceNewCluster: true, listenAddr: "", advertiseAddr: "", dataPathAddr: "" });
  });

  test("takes those that are", async () => {
    await force({ ListenAddr: "0.0.0.0:4000", AdvertiseAddr: "10.0.0.9" });
    expect(asked()).toMatchObject({ listenAddr: "0.0.0.0:4000", advertiseAddr: "10.0.0.9:4000" });
  });

  test("on a broken member is the way out, on a locked one is not", async () => {
    fixture.node.leading = undefined;
    fixture.node.current = { local: "error", nodeId: "n", nodeAddr: "", error: "disk" };
    expect((await force({})).status).toBe(200);
    fixture.node.current = { local: "locked", nodeAddr: "" };
    expect((await force({})).status).toBe(503);
  });

  test("on a node of no swarm is a new swarm like any other", async () => {
    fixture.node.current = { local: "inactive" };
    expect((await force({ ListenAddr: "", AdvertiseAddr: "" })).status).toBe(400);
    expect((await force({ ListenAddr: "0.0.0.0:2377" })).status).toBe(200);
    expect(asked().advertiseAddr).toBe("10.0.0.1:2377");
  });
});

describe("locking", () => {
  test.each([
    ["in the spec", { Spec: { EncryptionConfig: { AutoLockManagers: true } } }],
    ["beside it", { AutoLockManagers: true }],
  ])("is asked for at init %s", async (_, body) => {
    fixture.node.current = { local: "inactive" };
    await fixture.ask("POST", "/swarm/init", { ListenAddr: "0.0.0.0:2377", ...body });
    const options = fixture.node.calls.at(-1)?.[1] as InitOptions;
    expect(options.spec.encryption).toEqual({ autoLockManagers: true });
  });

  test("is refused an unlock key that is none, and shows the node's words for a wrong one", async () => {
    fixture.node.current = { local: "locked", nodeAddr: "" };
    const unlock = (UnlockKey: string) => fixture.ask("POST", "/swarm/unlock", { UnlockKey });
    expect(await unlock("SWMKEY-1-short")).toMatchObject({ status: 400, json: { message: "invalid key string" } });
    const key = `SWMKEY-1-${"k".repeat(43)}`;
    expect(await unlock(key)).toMatchObject({ status: 401 });
    expect(fixture.node.calls).toEqual([["unlock", key]]);
  });

  test("every other call says that it is locked", async () => {
    fixture.node.leading = undefined;
    fixture.node.current = { local: "locked", nodeAddr: "10.0.0.1" };
    for (const [method, path] of [
      ["GET", "/nodes"],
      ["POST", "/services/create"],
      ["GET", "/swarm/unlockkey"],
      ["POST", "/swarm/join"],
      ["GET", "/skep/v1/backup"],
    ] as const) {
      const reply = await fixture.ask(method, path, method === "POST" ? {} : undefined);
      expect(reply.at("message")).toMatch(/^Swarm is encrypted and needs to be unlocked/);
    }
    expect((await fixture.ask("GET", "/info")).at("Swarm.LocalNodeState")).toBe("locked");
  });
});

describe("a backup", () => {
  const chunk = Buffer.alloc(64 * 1024, "s");

  test("is sent as it is made", async () => {
    fixture.node.backup = async () =>
      (async function* () {
        for (let at = 0; at < 160; at += 1) yield chunk;
      })();
    const reply = await fixture.ask("GET", "/skep/v1/backup");
    expect(reply).toMatchObject({ status: 200, headers: { "content-type": "application/octet-stream" } });
    expect(reply.text).toHaveLength(160 * chunk.length);
  });

  test("that breaks off never looks whole", async () => {
    fixture.node.backup = async () =>
      (async function* () {
        yield chunk;
        throw new SwarmError("Unavailable", "the manager is stopping");
      })();
    await expect(fixture.ask("GET", "/skep/v1/backup")).rejects.toThrow(/aborted|hang up/);
  });

  test("that cannot be made is an error and not a file", async () => {
    fixture.node.backup = () => Promise.reject(new SwarmError("Unavailable", "nothing of its swarm yet"));
    expect(await fixture.ask("GET", "/skep/v1/backup")).toMatchObject({
      status: 503,
      json: { message: "nothing of its swarm yet" },
    });
  });
});

describe("restoring", () => {
  const seen: { options: RestoreOptions; bytesTotal: number }[] = [];
  beforeEach(() => {
    seen.length = 0;
    fixture.node.current = { local: "inactive" };
    fixture.node.restore = async (options, backup) => {
      let bytesTotal = 0;
      for await (const bytes of backup) bytesTotal += bytes.length;
      seen.push({ options, bytesTotal });
      return "restored";
    };
  });

  test("takes a file of any size, with addresses and a key", async () => {
    const key = `SWMKEY-1-${"k".repeat(43)}`;
    const file = Buffer.alloc(20 * 1024 * 1024);
    const path = "/skep/v1/restore?listenAddr=10.0.0.1&advertiseAddr=10.0.0.7&dataPathAddr=eth0";
    const reply = await fixture.ask("POST", path, file, { "Skep-Unlock-Key": key });
    expect(reply).toMatchObject({ status: 200, json: "restored" });
    const options = { listenAddr: "10.0.0.1:2377", advertiseAddr: "10.0.0.7:2377", dataPathAddr: "10.0.0.1" };
    expect(seen).toEqual([{ options: { ...options, unlockKey: key }, bytesTotal: file.length }]);
  });

  test("has Docker's defaults for addresses, and no key", async () => {
    await fixture.ask("POST", "/skep/v1/restore", "x");
    expect(seen[0]?.options).toEqual({
      ...{ listenAddr: "0.0.0.0:2377", advertiseAddr: "10.0.0.1:2377", dataPathAddr: "", unlockKey: undefined },
    });
  });

  test("that is refused early is answered all the same, though nothing of a large file was read", async () => {
    fixture.node.restore = () => Promise.reject(new SwarmError("FailedPrecondition", "this is not a backup"));
    const reply = await fixture.ask("POST", "/skep/v1/restore", Buffer.alloc(8 * 1024 * 1024));
    expect(reply).toMatchObject({ status: 400, json: { message: "this is not a backup" } });
    fixture.node.restore = async (_, backup) => {
      for await (const _bytes of backup) throw new SwarmError("FailedPrecondition", "damaged at byte 0");
      return "";
    };
    const damaged = await fixture.ask("POST", "/skep/v1/restore", Buffer.alloc(8 * 1024 * 1024));
    expect(damaged).toMatchObject({ status: 400, json: { message: "damaged at byte 0" } });
  });

  test("from a client that dies in the middle is a file that broke off, not a shorter one", async () => {
    let failure: unknown;
    const failed = new Promise<void>((resolve) => {
      fixture.node.restore = async (_, backup) => {
        try {
          for await (const _bytes of backup) client.destroy();
          return "whole";
        } catch (error) {
          failure = error;
          throw error;
        } finally {
          resolve();
        }
      };
    });
    const { socketPath } = fixture;
    const client = httpRequest({ socketPath, method: "POST", path: "/skep/v1/restore", agent: false });
    client.on("error", () => undefined);
    client.write("x".repeat(1000));
    await failed;
    expect(failure).toMatchObject({ kind: "Aborted", message: "the client left before the end of what it sent" });
  });
});
