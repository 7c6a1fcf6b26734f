import { beforeEach, describe, expect, test } from "vitest";
import { UpdateState } from "../../../src/gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../../src/gen/skep/v1/specs.js";
import { PublishMode } from "../../../src/gen/skep/v1/specs.js";
import { specOf } from "../../../src/store/index.js";
import { aServiceSpec } from "../../support/memory.js";
import { type Controlled, controlled, plain } from "./support.js";

let c: Controlled;
beforeEach(async () => {
  c = await controlled();
});

const create = (spec: ServiceSpec): Promise<string> => c.control.services.create(c.request(), spec);
const service = (id: string) => {
  const row = c.store.table("service").get(id);
  if (row === undefined) throw new Error(`no service ${id}`);
  return row;
};
const version = (id: string): number => service(id).meta?.version ?? 0;
const update = (id: string, spec: ServiceSpec, options = plain, at = version(id)): Promise<void> =>
  c.control.services.update(c.request(), id, at, spec, options);
const image = (name: string) => aServiceSpec({ image: name });
const revisions = (id: string): number[] => [...c.store.table("revision").by("service", id)].map((each) => each.number);

describe("create", () => {
  test("writes the service and its first revision in one transaction", async () => {
    const before = c.store.revision;
    const id = await create(image("a"));
    expect(c.store.revision).toBe(before + 1);
    expect(service(id)).toMatchObject({ name: "web", revision: 1, lastRevision: 1, specVersion: before + 1 });
    expect(specOf(c.store, service(id)).task?.container?.image).toBe("a");
  });

  test("gives a service without a name one of two words", async () => {
    const id = await create(aServiceSpec({ name: "" }));
    expect(service(id).name).toMatch(/^[a-z]+_[a-z]+$/);
  });

  test("a repeated request makes nothing new and gets the same id", async () => {
    const request = c.request();
    const first = await c.control.services.create(request, image("a"));
    expect(await c.control.services.create(request, image("a"))).toBe(first);
    expect(c.store.table("service").size).toBe(1);
  });

  test("of two at once with one name the second is refused", async () => {
    const [one, other] = await Promise.allSettled([create(image("a")), create(aServiceSpec({ name: "WEB" }))]);
    expect([one.status, other.status]).toEqual(["fulfilled", "rejected"]);
    expect(other).toMatchObject({ reason: { kind: "AlreadyExists" } });
  });

  test("puts ids in place of the names of networks", async () => {
    const id = await create(
      aServiceSpec({ spec: { task: { container: { image: "a" }, networks: [{ target: "host" }] } } }),
    );
    const target = specOf(c.store, service(id)).task?.networks[0]?.target ?? "";
    expect(c.store.table("network").get(target)).toMatchObject({ name: "host", predefined: true });
  });

  test("lets two services ask for one host port: keeping them apart is the scheduler's", async () => {
    await create(aServiceSpec({ name: "a", hostPorts: [80] }));
    await expect(create(aServiceSpec({ name: "b", hostPorts: [80] }))).resolves.toBeDefined();
  });

  test("refuses a port that another service was given in ingress mode", async () => {
    const id = await create(aServiceSpec({ name: "a" }));
    await c.writer.update((tx) => {
      const port = {
        name: "",
        protocol: 0,
        targetPort: 80,
        publishedPort: 80,
        publishMode: PublishMode.INGRESS,
      } as const;
      tx.put("service", { ...service(id), endpoint: { spec: undefined, ports: [port], virtualIps: [] } });
    });
    await expect(create(aServiceSpec({ name: "b", hostPorts: [80] }))).rejects.toThrow(
      `port '80' is already in use by service 'a' (${id}) as an ingress port`,
    );
  });

  test("is refused in Docker's words when leadership is lost", async () => {
    c.store.unlead();
    await expect(create(image("a"))).rejects.toMatchObject({
      kind: "Unknown",
      message: expect.stringContaining("does not have a leader") as string,
    });
  });
});

describe("update", () => {
  test("a new spec is a new revision, and the old one can be had back", async () => {
    const id = await create(image("a"));
    await update(id, image("b"));
    expect(service(id)).toMatchObject({ revision: 2, previousRevision: 1, lastRevision: 2 });
    await update(id, image("c"), { ...plain, rollback: true });
    expect(service(id)).toMatchObject({
      revision: 1,
      previousRevision: 2,
      lastRevision: 2,
      updateStatus: {
        state: UpdateState.ROLLBACK_STARTED,
        message: "manually requested rollback",
        startedAt: { seconds: 1, nanos: 0 },
      },
    });
    await update(id, image("c"));
    expect(service(id)).toMatchObject({ revision: 3, previousRevision: 1 });
    expect(service(id).updateStatus).toBeUndefined();
  });

  test("an equal spec makes no revision, but lets a paused update go on", async () => {
    const id = await create(image("a"));
    await update(id, image("b"));
    await c.writer.update((tx) => {
      const paused = {
        state: UpdateState.PAUSED,
        startedAt: undefined,
        completedAt: undefined,
        message: "",
        total: 0,
        done: 0,
        failed: 0,
      };
      tx.put("service", { ...service(id), updateStatus: paused });
    });
    await update(id, image("b"));
    expect(service(id)).toMatchObject({ revision: 2, previousRevision: 1, lastRevision: 2 });
    expect(service(id).updateStatus).toBeUndefined();
  });

  test("our own bookkeeping does not outdate what a client saw, a change of the spec does", async () => {
    const id = await create(image("a"));
    const seen = version(id);
    await c.writer.update((tx) => tx.put("service", { ...service(id), endpoint: undefined }));
    expect(version(id)).toBeGreaterThan(seen);
    await update(id, image("b"), plain, seen);
    await expect(update(id, image("c"), plain, seen)).rejects.toThrow("update out of sequence");
    await expect(update(id, image("c"), plain, version(id) + 1)).rejects.toThrow("update out of sequence");
  });

  test("of two updates from one version the second is refused", async () => {
    const id = await create(image("a"));
    const seen = version(id);
    const both = ["b", "c"].map((name) => update(id, image(name), plain, seen));
    const [one, other] = await Promise.allSettled(both);
    expect([one?.status, other?.status]).toEqual(["fulfilled", "rejected"]);
    expect(specOf(c.store, service(id)).task?.container?.image).toBe("b");
  });

  test("credentials stay unless new ones come, and can be those of the previous spec", async () => {
    const withAuth = (name: string, registryAuth: string) =>
      aServiceSpec({ spec: { task: { container: { image: name, registryAuth } } } });
    const auth = (): string | undefined => specOf(c.store, service(id)).task?.container?.registryAuth;
    const id = await create(withAuth("a", "first"));
    await update(id, withAuth("b", "second"));
    await update(id, withAuth("c", ""));
    expect(auth()).toBe("second");
    await update(id, withAuth("d", "third"));
    await update(id, withAuth("e", ""), { ...plain, registryAuthFrom: "previous-spec" });
    expect(auth()).toBe("second");
  });
});

describe("remove", () => {
  test("the row goes; what tasks were made from stays for the reaper", async () => {
    const id = await create(image("a"));
    await update(id, image("b"));
    await c.control.services.remove(c.request(), "web");
    expect(c.store.table("service").get(id)).toBeUndefined();
    expect(revisions(id)).toEqual([1, 2]);
    await expect(c.control.services.remove(c.request(), "web")).rejects.toThrow("service web not found");
  });
});
