import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SwarmError } from "../../../src/base/index.js";
import { engineBounds } from "../../../src/engine/index.js";
import { FakeEngine, json, lines, silence } from "./fake-engine.js";

const signal = new AbortController().signal;
const config = { Image: "busybox", Labels: {}, HostConfig: {} };
let fake: FakeEngine;

beforeEach(async () => {
  fake = await FakeEngine.start();
});
afterEach(() => fake.close());

async function failure(call: Promise<unknown>): Promise<SwarmError> {
  return await call.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: SwarmError) => error,
  );
}

describe("API version", () => {
  for (const [engines, spoken] of [
    ["1.41", "1.41"],
    ["1.49", "1.49"],
    ["1.50", "1.50"],
    ["1.54", "1.50"],
  ] as const) {
    test(`an engine of ${engines} is spoken to in ${spoken}`, async () => {
      fake.apiVersion = engines;
      fake.answers["GET /info"] = json({});
      expect((await fake.client.info(signal)).apiVersion).toBe(spoken);
      expect(fake.requests).toEqual(["GET /_ping", `GET /v${spoken}/info`]);
    });
  }

  for (const engines of ["1.40", "1.9", "", "x"]) {
    test(`an engine of ${JSON.stringify(engines)} is refused`, async () => {
      fake.apiVersion = engines;
      expect(await failure(fake.client.info(signal))).toMatchObject({
        kind: "FailedPrecondition",
        message: expect.stringContaining("Skep needs 1.41"),
      });
    });
  }

  test("is agreed anew when another engine has come", async () => {
    fake.apiVersion = "1.50";
    fake.answers["GET /info"] = json({});
    await fake.client.info(signal);
    fake.apiVersion = "1.41";
    fake.answers["GET /info"] = (request, response) => {
      const isNew = request.url?.startsWith("/v1.50");
      const message = "client version 1.50 is too new. Maximum supported API version is 1.41";
      json(isNew ? { message } : {}, isNew ? 400 : 200)(request, response, "");
    };
    expect((await fake.client.info(signal)).apiVersion).toBe("1.41");
  });
});

describe("failures", () => {
  for (const [status, kind] of [
    [400, "InvalidArgument"],
    [404, "NotFound"],
    [409, "AlreadyExists"],
    [500, "Unknown"],
    [503, "Unavailable"],
  ] as const) {
    test(`a create answered ${status} is ${kind}, in the engine's words`, async () => {
      fake.answers["POST /containers/create"] = json({ message: "the engine's words" }, status);
      expect(await failure(fake.client.create("web", config, signal))).toMatchObject({
        kind,
        message: "the engine's words",
      });
    });
  }

  test("an answer that is no JSON is shown as it is", async () => {
    fake.answers["POST /containers/x1/start"] = (_, response) => response.writeHead(500).end("boom\n");
    expect((await failure(fake.client.start("x1", signal))).message).toBe("boom");
  });

  test("no socket: where and whether it runs", async () => {
    await fake.close();
    expect(await failure(fake.client.info(signal))).toMatchObject({
      kind: "Unavailable",
      message: `Cannot connect to the Docker daemon at unix://${fake.socket}. Is the docker daemon running?`,
    });
    fake = await FakeEngine.start();
  });

  test("a connection that breaks in the middle of an answer", async () => {
    fake.answers["GET /info"] = (_, response) => {
      response.writeHead(200, { "Content-Length": "100" }).write("{", () => response.destroy());
    };
    expect((await failure(fake.client.info(signal))).kind).toBe("Unavailable");
  });
});

describe("an engine that says nothing", () => {
  test("fails a question after its bound", async () => {
    fake.answers["GET /info"] = silence;
    const failed = failure(fake.client.info(signal));
    await fake.received(2);
    await fake.clock.advance(engineBounds.answerMs - 1);
    await fake.clock.advance(1);
    expect(await failed).toMatchObject({
      kind: "Unavailable",
      message: expect.stringContaining("did not answer in 5000 ms"),
    });
  });

  test("ends a long call as soon as a ping goes unanswered", async () => {
    fake.answers["POST /containers/x1/stop"] = silence;
    const failed = failure(fake.client.stop("x1", 600, signal));
    await fake.received(2);
    fake.answers["GET /_ping"] = silence;
    await fake.clock.advance(engineBounds.livenessPeriodMs);
    await fake.received(3);
    await fake.clock.advance(engineBounds.answerMs);
    expect(await failed).toMatchObject({ kind: "Unavailable", message: expect.stringContaining("(ping)") });
  });

  test("but answers pings: the long call ends at its own bound, as its own failure", async () => {
    fake.answers["POST /containers/x1/stop"] = silence;
    const failed = failure(fake.client.stop("x1", 2, signal));
    await fake.received(2);
    for (let pings = 3; pings <= 8; pings++) {
      await fake.clock.advance(engineBounds.livenessPeriodMs);
      await fake.received(pings);
      // The answer travels in real time.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await fake.clock.advance(engineBounds.livenessPeriodMs);
    expect(await failed).toMatchObject({
      kind: "DeadlineExceeded",
      message: "stop x1: the engine did not finish it in 32 s",
    });
  });

  test("nothing is left waiting after a call", async () => {
    fake.answers["POST /containers/x1/start"] = (_, response) => response.writeHead(204).end();
    await fake.client.start("x1", signal);
    expect(fake.clock.pending).toBe(0);
  });
});

describe("names in paths", () => {
  for (const [name, path] of [
    ["a/../../images", "/containers/a%2F..%2F..%2Fimages/json"],
    ["a?force=1#x", "/containers/a%3Fforce%3D1%23x/json"],
    ["ä b", "/containers/%C3%A4%20b/json"],
    ["%2e%2e", "/containers/%252e%252e/json"],
  ] as const) {
    test(`${name} reaches no other endpoint`, async () => {
      expect(await fake.client.inspect(name, signal)).toBeUndefined();
      expect(fake.requests.at(-1)).toBe(`GET /v1.41${path}`);
    });
  }

  for (const name of ["", ".", "..", "\ud800"]) {
    test(`${JSON.stringify(name)} is refused here`, async () => {
      expect((await failure(fake.client.inspect(name, signal))).kind).toBe("InvalidArgument");
    });
  }
});

describe("pull", () => {
  const pull = (image = "nginx", auth = ""): Promise<void> => fake.client.pull(image, auth, () => {}, signal);

  for (const [image, query] of [
    ["nginx", "fromImage=nginx&tag=latest"],
    ["nginx:1.25", "fromImage=nginx&tag=1.25"],
    ["host:5000/a/b", "fromImage=host%3A5000%2Fa%2Fb&tag=latest"],
    ["host:5000/a/b:2", "fromImage=host%3A5000%2Fa%2Fb&tag=2"],
    ["nginx:1.25@sha256:ab", "fromImage=nginx&tag=sha256%3Aab"],
  ] as const) {
    test(`${image} asks for one image`, async () => {
      fake.answers["POST /images/create"] = lines([{ status: "Pulling" }], true);
      await pull(image);
      expect(fake.requests.at(-1)).toBe(`POST /v1.41/images/create?${query}`);
    });
  }

  test("passes the credentials on, and nothing when there are none", async () => {
    const seen: unknown[] = [];
    fake.answers["POST /images/create"] = (request, response) => {
      seen.push(request.headers["x-registry-auth"]);
      response.end();
    };
    await pull("nginx", "e30=");
    await pull("nginx");
    expect(seen).toEqual(["e30=", undefined]);
  });

  test("reports progress, of all layers together", async () => {
    fake.answers["POST /images/create"] = lines(
      [
        { status: "Downloading", progressDetail: { current: 5, total: 9 }, id: "x" },
        { status: "Downloading", progressDetail: { current: 1, total: 4 }, id: "y" },
        { status: "Extracting", progressDetail: { current: 2, total: 9 }, id: "x" },
        { status: "Downloading", progressDetail: { current: 4, total: 4 }, id: "y" },
        { status: "Done" },
      ],
      true,
    );
    const seen: unknown[] = [];
    await fake.client.pull("nginx", "", (progress) => seen.push(progress), signal);
    expect(seen).toEqual([
      { status: "Downloading", currentBytes: 5, totalBytes: 9 },
      { status: "Downloading", currentBytes: 6, totalBytes: 13 },
      { status: "Extracting", currentBytes: 2, totalBytes: 9 },
      { status: "Downloading", currentBytes: 9, totalBytes: 13 },
      { status: "Done", currentBytes: 0, totalBytes: 0 },
    ]);
  });

  for (const [words, kind] of [
    ["manifest for x:1 not found: manifest unknown: manifest unknown", "NotFound"],
    ["unauthorized: authentication required", "Unauthenticated"],
    ["toomanyrequests: You have reached your pull rate limit", "Unknown"],
    ["no space left on device", "Unknown"],
    ["denied: requested access to the resource is denied", "PermissionDenied"],
  ] as const) {
    test(`fails on an error inside the stream: ${words}`, async () => {
      fake.answers["POST /images/create"] = lines(
        [{ status: "Pulling" }, { errorDetail: { message: words }, error: words }],
        true,
      );
      expect(await failure(pull())).toMatchObject({ kind, message: words });
    });
  }

  test("fails on a status before the stream, in the registry's words", async () => {
    const message = "pull access denied for x, repository does not exist or may require 'docker login'";
    fake.answers["POST /images/create"] = json({ message }, 404);
    expect(await failure(pull())).toMatchObject({ kind: "NotFound", message });
  });

  test("that does not move ends, naming that; announcing retries is no movement", async () => {
    let stream: { write(text: string): void } | undefined;
    fake.answers["POST /images/create"] = (_, response) => {
      stream = response;
      response.write(`${JSON.stringify({ status: "Downloading" })}\n`);
    };
    let told = 0;
    let onTold = (): void => {};
    const failed = failure(
      fake.client.pull(
        "nginx",
        "",
        () => {
          told += 1;
          onTold();
        },
        signal,
      ),
    );
    const tell = (status: string): Promise<void> => {
      const next = new Promise<void>((resolve) => {
        onTold = resolve;
      });
      stream?.write(`${JSON.stringify({ status })}\n`);
      return next;
    };
    await fake.received(2);
    while (told === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await pass(engineBounds.pullStallMs - 1000);
    await tell("Extracting");
    await pass(engineBounds.pullStallMs - 1000);
    await tell("Retrying in 5 seconds");
    await pass(1000);
    expect(await failed).toMatchObject({
      kind: "DeadlineExceeded",
      message: "pulling nginx made no progress for 120 s",
    });
  });

  /** Virtual time passes in steps, so that pings are answered meanwhile. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= engineBounds.livenessPeriodMs) {
      await fake.clock.advance(Math.min(left, engineBounds.livenessPeriodMs));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});

describe("events", () => {
  test("are asked for by label, without the noise of probes, and from the call on", async () => {
    fake.answers["GET /events"] = lines([], false);
    const stop = new AbortController();
    const stream = fake.client.events({ a: "1", b: "" }, stop.signal)[Symbol.asyncIterator]();
    const failed = failure(stream.next());
    await fake.received(2);
    const query = new URLSearchParams(fake.requests.at(-1)?.split("?")[1]);
    expect(JSON.parse(query.get("filters") ?? "")).toEqual({
      type: ["container"],
      event: expect.not.arrayContaining(["exec_create"]),
      label: ["a=1", "b"],
    });
    expect(Number(query.get("since"))).toBe(fake.clock.now() / 1000);
    stop.abort(new Error("enough"));
    expect((await failed).message).toBe("enough");
  });

  test("end with Unavailable when the engine ends them, however politely", async () => {
    const event = { Type: "container", Action: "health_status: healthy", Actor: { ID: "x", Attributes: { a: "1" } } };
    fake.answers["GET /events"] = lines([event, { Type: "network", Action: "create", Actor: { ID: "n" } }], true);
    const stream = fake.client.events({}, signal)[Symbol.asyncIterator]();
    expect((await stream.next()).value).toEqual({ containerId: "x", action: "health", labels: { a: "1" } });
    expect((await failure(stream.next())).kind).toBe("Unavailable");
  });

  test("end with Unavailable when something else than events comes", async () => {
    fake.answers["GET /events"] = (_, response) => response.end("<html>\n");
    const stream = fake.client.events({}, signal)[Symbol.asyncIterator]();
    expect(await failure(stream.next())).toMatchObject({
      kind: "Unavailable",
      message: expect.stringContaining("no JSON"),
    });
  });
});

test("a removal that somebody else has begun is waited for", async () => {
  fake.answers["DELETE /containers/x1"] = json({ message: "removal of container x1 is already in progress" }, 409);
  fake.answers["GET /containers/x1/json"] = json({ Id: "x1", State: { Status: "removing" } });
  let done = false;
  const removed = fake.client.remove("x1", signal).then(() => {
    done = true;
  });
  await fake.received(3);
  expect(done).toBe(false);
  delete fake.answers["GET /containers/x1/json"];
  while (!done) {
    await fake.clock.advance(engineBounds.removalPollMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await removed;
});
