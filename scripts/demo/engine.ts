// Which engine the demo runs on: Docker's if one answers and has (or can pull) an image, else the embedded one.

import { type Answer, call } from "./http.js";

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
const images = ["busybox:latest", "alpine:latest", "nginx:alpine", "nginx:latest"] as const;
const command = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"];
const pullMs = 30_000;

/** Looks at DOCKER_HOST, else at Docker's default socket. */
export async function chooseEngine(dockerHost: string | undefined): Promise<DemoEngine> {
  const address = dockerHost ?? "unix:///var/run/docker.sock";
  if (!address.startsWith("unix://")) return embedded(`The demo uses an engine on this machine only, not ${address}`);
  const socket = address.slice("unix://".length);
  const whyNot = await whyUnusable(socket, address);
  if (whyNot !== undefined) return embedded(whyNot);
  const image = await findImage(socket);
  if (image === undefined) {
    return embedded(`The Docker Engine at ${address} has none of ${images.join(", ")} and could not pull one`);
  }
  return { address, socket, image, command, says: `The demo runs on the Docker Engine at ${address}, with ${image}.` };
}

function embedded(why: string): DemoEngine {
  const says = `${why}: the demo runs on the embedded engine, whose containers exist in memory only.`;
  return { address: "embedded:", socket: undefined, image: "busybox:latest", command: ["sleep", "3600"], says };
}

async function whyUnusable(socket: string, address: string): Promise<string | undefined> {
  const answer = await quietly(call(socket, "GET", "/info"));
  if (answer?.status !== 200) return `No Docker Engine answers at ${address}`;
  const { Swarm } = JSON.parse(answer.body) as { readonly Swarm?: { readonly LocalNodeState?: string } };
  const isInSwarm = Swarm?.LocalNodeState !== undefined && Swarm.LocalNodeState !== "inactive";
  return isInSwarm ? `The engine at ${address} is in swarm mode already` : undefined;
}

async function findImage(socket: string): Promise<string | undefined> {
  const has = async (image: string) => (await quietly(call(socket, "GET", `/images/${image}/json`)))?.status === 200;
  for (const image of images) if (await has(image)) return image;
  const [first] = images;
  await quietly(call(socket, "POST", `/images/create?fromImage=${encodeURIComponent(first)}`, pullMs));
  return (await has(first)) ? first : undefined;
}

function quietly(answer: Promise<Answer>): Promise<Answer | undefined> {
  return answer.catch(() => undefined);
}
