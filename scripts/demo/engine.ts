// Which engine the demo runs on: Docker's if one answers and has (or can pull) an image, else the embedded one.

import { request } from "node:http";

export interface DemoEngine {
  /** What `skep daemon --engine` gets. */
  readonly address: string;
  /** The engine's socket; absent for the embedded one. */
  readonly socket: string | undefined;
  readonly image: string;
  readonly command: readonly string[];
  /** What the person is told. */
  readonly says: string;
}

/** Small images with a shell, tried in order; the first that is there, else the first that can be pulled. */
const images = ["busybox:latest", "alpine:latest", "nginx:alpine", "nginx:latest"];
const command = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"];

const embedded = {
  address: "embedded:",
  socket: undefined,
  image: "busybox:latest",
  command: ["sleep", "3600"],
} as const;

/** Looks at DOCKER_HOST, else at Docker's default socket. */
export async function chooseEngine(dockerHost: string | undefined): Promise<DemoEngine> {
  const address = dockerHost ?? "unix:///var/run/docker.sock";
  const socket = address.startsWith("unix://") ? address.slice("unix://".length) : undefined;
  if (socket === undefined || (await call(socket, "GET", "/_ping", 2_000)) !== 200) {
    return {
      ...embedded,
      says: `No Docker Engine answers at ${address}: the demo runs on the embedded engine (in memory).`,
    };
  }
  const image = await findImage(socket);
  if (image === undefined) {
    return {
      ...embedded,
      says: `The Docker Engine at ${address} has none of ${images.join(", ")} and cannot pull them: the demo runs on the embedded engine (in memory).`,
    };
  }
  return { address, socket, image, command, says: `The demo runs on the Docker Engine at ${address}, with ${image}.` };
}

async function findImage(socket: string): Promise<string | undefined> {
  for (const image of images) if ((await call(socket, "GET", `/images/${image}/json`, 5_000)) === 200) return image;
  const first = images[0] ?? "";
  await call(socket, "POST", `/images/create?fromImage=${encodeURIComponent(first)}`, 30_000);
  return (await call(socket, "GET", `/images/${first}/json`, 5_000)) === 200 ? first : undefined;
}

/** The status of the answer; 0 when there is none within the bound. */
function call(socketPath: string, method: string, path: string, timeoutMs: number): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", () => resolve(0));
    });
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve(0));
    outgoing.end();
  });
}
